// The contact sheet: every photo small, with the boxes of the model and of people, what was said, and a red frame where
// that is wrong; the worst first. Pages are drawn one after the other, so that memory holds one.
import { join } from 'node:path';
import sharp from 'sharp';
import type { Evaluation } from '../evaluation.js';
import { worstFirst, type Entry } from './order.js';
import { columns, pageHeight, pageSvg, pageWidth, picture, placeOf, type Thumbnail } from './page-svg.js';

/** Rows of a page: more would be too small to read where a page is shown as a whole. */
const rowsMax = 6;
/** A picture of more pixels is not decoded; the server may have refused it, too. */
const pixelsMax = 100_000_000;

interface Shown {
  readonly entry: Entry;
  readonly thumbnail: (Thumbnail & { readonly pixels: Buffer }) | null;
}

const perPage = columns * rowsMax;

/** The files of a sheet of so many photos. */
export function sheetPaths(path: string, photos: number): readonly string[] {
  const pages = Math.ceil(photos / perPage);
  return Array.from({ length: pages }, (_, page) =>
    page === 0 ? path : path.replace(/\.png$/i, `-${page + 1}$&`),
  );
}

/** Writes `path`, and `…-2.png` and so on; resolves to the paths. */
export async function writeSheet(
  found: Evaluation,
  folder: string,
  path: string,
): Promise<readonly string[]> {
  const entries = worstFirst(found.items, found.boxes?.sideMin ?? null);
  const paths = sheetPaths(path, entries.length);
  for (const [page, file] of paths.entries()) {
    const shown: Shown[] = [];
    for (const entry of entries.slice(page * perPage, (page + 1) * perPage)) {
      shown.push({ entry, thumbnail: await thumbnailOf(join(folder, entry.photo.name)) });
    }
    await writePage(shown, `${titleOf(found)}; page ${page + 1} of ${paths.length}`, file);
  }
  return paths;
}

async function writePage(shown: readonly Shown[], title: string, file: string): Promise<void> {
  const height = pageHeight(shown.length);
  const thumbnails = shown.flatMap(({ thumbnail }, index) =>
    thumbnail === null
      ? []
      : [
          {
            input: thumbnail.pixels,
            raw: { width: thumbnail.width, height: thumbnail.height, channels: 3 as const },
            ...placeOf(index, thumbnail),
          },
        ],
  );
  await sharp({ create: { width: pageWidth, height, channels: 3, background: '#ffffff' } })
    .composite([...thumbnails, { input: Buffer.from(pageSvg(shown, title)), left: 0, top: 0 }])
    .png()
    .toFile(file);
}

/** Turned upright, as the server does it before it tells boxes. null: it is no picture that can be shown. */
async function thumbnailOf(path: string): Promise<Shown['thumbnail']> {
  try {
    // What is damaged is shown as far as it goes.
    const image = sharp(path, { limitInputPixels: pixelsMax, failOn: 'none' }).autoOrient();
    const { width: uprightWidth } = (await image.metadata()).autoOrient;
    const { data, info } = await image
      .resize(picture.width, picture.height, { fit: 'inside' })
      .removeAlpha()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { pixels: data, width: info.width, height: info.height, scale: info.width / uprightWidth };
  } catch {
    return null;
  }
}

function titleOf({ models, verdicts, boxes, photos }: Evaluation): string {
  const { hits, of, wrong, failed } = verdicts;
  const counted =
    of === 0 ? `${photos} photos` : `${hits} of ${of} right, ${wrong} wrong, ${failed} not judged`;
  const found =
    boxes === null
      ? ''
      : `; ${boxes.recall.hits} of ${boxes.recall.of} boxes found, ${boxes.precision.of - boxes.precision.hits} too many`;
  return `${models.join(', ') || 'no model'}: ${counted}${found}`;
}
