// What the photos of a folder are said to show: from a COCO file with labels and boxes, or else from the names of
// subfolders and files (`normal/…`, `defect-1/…`, `empty-03.jpg`).
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { StartupError } from '../errors.js';

export type Label = 'normal' | 'defective' | 'no pear';

export interface LabelledPhoto {
  /** Relative to the folder. */
  readonly name: string;
  /** null: nobody has said. */
  readonly label: Label | null;
  /** Boxes of pears, [x1, y1, x2, y2] in pixels; null: nobody has said. */
  readonly boxes: readonly (readonly [number, number, number, number])[] | null;
}

const cocoSchema = z.object({
  categories: z.array(z.object({ id: z.int(), name: z.string() })),
  images: z.array(z.object({ id: z.int(), file_name: z.string(), label: z.string().optional() })),
  annotations: z.array(
    z.object({
      image_id: z.int(),
      category_id: z.int(),
      /** x, y, width, height */
      bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]),
    }),
  ),
});

/** The photos below `folder`; `annotations` defaults to `annotations.json` in it, where there is one. Throws StartupError. */
export function labelledPhotos(folder: string, annotations: string | undefined): readonly LabelledPhoto[] {
  const file = annotations ?? join(folder, 'annotations.json');
  if (annotations !== undefined || existsSync(file)) return fromCoco(file);
  const photos = listPhotos(folder).map((name) => ({ name, label: labelOfName(name), boxes: null }));
  if (photos.length === 0) {
    throw new StartupError(
      `there are no photos below ${folder}`,
      'name a folder with .jpg, .png or .webp files',
    );
  }
  return photos;
}

function fromCoco(file: string): readonly LabelledPhoto[] {
  let coco: z.output<typeof cocoSchema>;
  try {
    coco = cocoSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause);
    throw new StartupError(
      `${file} is no COCO file: ${reason}`,
      'correct it, or name another with --annotations',
      { cause },
    );
  }
  const pears = new Set(coco.categories.filter(({ name }) => name === 'pear').map(({ id }) => id));
  return coco.images.map(({ id, file_name, label }) => ({
    name: file_name,
    label: label === undefined ? null : labelOfName(label),
    boxes: coco.annotations
      .filter((annotation) => annotation.image_id === id && pears.has(annotation.category_id))
      .map(({ bbox: [x, y, width, height] }) => [x, y, x + width, y + height] as const),
  }));
}

function listPhotos(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(jpe?g|png|webp)$/i.test(name))
      .sort();
  } catch (cause) {
    throw new StartupError(`the folder ${folder} cannot be read`, 'name a folder with photos', { cause });
  }
}

/** Exported for its table of tests. */
export function labelOfName(name: string): Label | null {
  if (/^normal/i.test(name)) return 'normal';
  if (/^defect/i.test(name)) return 'defective';
  if (/^(empty|no[-_ ]?pear)([-_/ ]|$)/i.test(name)) return 'no pear';
  return null;
}
