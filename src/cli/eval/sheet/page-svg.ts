// What lies over the thumbnails of a page: frames, boxes, captions, and the legend above them. Only SVG; which pixels
// lie below is left to contact-sheet.ts.
import type { Box } from '../../../detector/images/frame.js';
import { bestOverlap } from '../matching.js';
import type { Entry, Standing } from './order.js';
import { endOf, xmlText } from './xml.js';

/** A thumbnail, in pixels of the sheet. */
export interface Thumbnail {
  readonly width: number;
  readonly height: number;
  /** Its pixels by those of the upright picture. */
  readonly scale: number;
}

export interface Cell {
  readonly entry: Entry;
  /** null: the file is no picture that can be shown. */
  readonly thumbnail: Thumbnail | null;
}

export const columns = 4;
export const picture = { width: 360, height: 270 } as const;
const captionHeight = 70;
const gap = 16;
const legendHeight = 92;
const step = { x: picture.width + 2 * gap, y: picture.height + captionHeight + 2 * gap } as const;
export const pageWidth = columns * step.x + gap;

const frames: Readonly<Record<Standing, { readonly colour: string; readonly words: string }>> = {
  wrong: { colour: '#e00020', words: 'WRONG' },
  'not judged': { colour: '#e00020', words: 'NOT JUDGED' },
  'boxes differ': { colour: '#f08c00', words: 'BOXES DIFFER' },
  unlabelled: { colour: '#8a8f98', words: 'no label' },
  right: { colour: '#2f9e44', words: 'right' },
};
const toldColour = '#00d5ff';
const drawnColour = '#ff2bd6';
/** Room of a caption, in characters of its size. */
const captionChars = 41;

export function pageHeight(cells: number): number {
  return legendHeight + Math.ceil(cells / columns) * step.y + gap;
}

/** Left upper corner of the thumbnail in the cell `index`, which is centred in it. */
export function placeOf(
  index: number,
  { width, height }: Thumbnail,
): { readonly left: number; readonly top: number } {
  const { left, top } = cornerOf(index);
  return {
    left: left + Math.floor((picture.width - width) / 2),
    top: top + Math.floor((picture.height - height) / 2),
  };
}

export function pageSvg(cells: readonly Cell[], title: string): string {
  const height = pageHeight(cells.length);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${pageWidth}" height="${height}" font-family="DejaVu Sans, Noto Sans, Arial, sans-serif">
${legend(title)}
${cells.map(cellSvg).join('\n')}
</svg>`;
}

function cornerOf(index: number): { readonly left: number; readonly top: number } {
  return {
    left: gap + gap / 2 + (index % columns) * step.x,
    top: legendHeight + gap / 2 + Math.floor(index / columns) * step.y,
  };
}

function cellSvg({ entry, thumbnail }: Cell, index: number): string {
  const { left, top } = cornerOf(index);
  const { colour, words } = frames[entry.standing];
  const lines = captionOf(entry);
  const text = (line: string, row: number, weight = 'normal') =>
    `<text x="0" y="${24 + row * 21}" font-size="15" font-weight="${weight}" fill="#1b1f24">${xmlText(line)}</text>`;
  return [
    frame(
      ...([left - 5, top - 5, picture.width + 10, picture.height + captionHeight + 10] as const),
      ...([colour, entry.standing] as const),
    ),
    thumbnail === null ? noPicture(left, top) : boxesSvg(entry, thumbnail, index),
    // What is wider in spite of all is cut off, and does not run into the next one.
    `<svg x="${left}" y="${top + picture.height}" width="${picture.width}" height="${captionHeight}">`,
    text(endOf(entry.photo.name, captionChars), 0),
    text(endOf(lines[0], captionChars), 1, 'bold'),
    text(endOf(lines[1], captionChars - words.length - 2), 2),
    `<text x="${picture.width}" y="66" text-anchor="end" font-size="15" font-weight="bold" fill="${colour}">${words}</text>`,
    '</svg>',
  ].join('\n');
}

/** What was said of it, and how well the boxes fit. */
function captionOf({ photo, outcome, standing, boxes }: Entry): readonly [string, string] {
  if (outcome.type === 'failed') return [`is ${photo.label ?? '?'}`, outcome.reason];
  const confidence = outcome.confidence === null ? '' : ` ${outcome.confidence.toFixed(2)}`;
  const said = `said ${outcome.said}${confidence}`;
  const verdict = standing === 'wrong' ? `${said}, is ${photo.label ?? '?'}` : said;
  if (boxes === null || photo.boxes === undefined) return [verdict, ''];
  const [best, ...others] = outcome.detections;
  if (boxes.drawn === 1 && photo.boxes.length === 1 && best !== undefined && others.length === 0)
    return [verdict, `IoU ${(bestOverlap(photo.boxes, best.box) ?? 0).toFixed(2)}`];
  const tooMany = boxes.tooMany === 0 ? '' : `, ${boxes.tooMany} too many`;
  return [
    verdict,
    boxes.drawn + boxes.tooMany === 0 ? '' : `boxes: ${boxes.found} of ${boxes.drawn}${tooMany}`,
  ];
}

/** The drawn boxes lie above the told ones, which are seen through the gaps. */
function boxesSvg({ photo, outcome }: Entry, thumbnail: Thumbnail, index: number): string {
  const { left, top } = placeOf(index, thumbnail);
  const told = outcome.type === 'verdict' ? outcome.detections : [];
  const clip = `clip-${index}`;
  return [
    `<clipPath id="${clip}"><rect x="${left}" y="${top}" width="${thumbnail.width}" height="${thumbnail.height}"/></clipPath>`,
    `<g clip-path="url(#${clip})">`,
    ...told.map(({ box }, rank) =>
      boxSvg(inSheet(box, thumbnail.scale, left, top), toldColour, rank === 0 ? 3 : 2),
    ),
    ...(photo.boxes ?? []).map((box) =>
      boxSvg(inSheet(box, thumbnail.scale, left, top), drawnColour, 2, '8 6'),
    ),
    '</g>',
    // Its edge, which a bright picture would not have on white.
    `<rect x="${left}" y="${top}" width="${thumbnail.width}" height="${thumbnail.height}" fill="none" stroke="#c3c8cf"/>`,
  ].join('\n');
}

function inSheet([x1, y1, x2, y2]: Box, scale: number, left: number, top: number): Box {
  return [left + x1 * scale, top + y1 * scale, left + x2 * scale, top + y2 * scale];
}

/** With a dark edge, to be seen on bright and dark pictures. */
function boxSvg([x1, y1, x2, y2]: Box, colour: string, width: number, dashes = 'none'): string {
  const shape = `<rect x="${x1.toFixed(1)}" y="${y1.toFixed(1)}" width="${(x2 - x1).toFixed(1)}" height="${(y2 - y1).toFixed(1)}" fill="none" stroke-dasharray="${dashes}"`;
  return `${shape} stroke="#000" stroke-opacity="0.5" stroke-width="${width + 2}"/>\n${shape} stroke="${colour}" stroke-width="${width}"/>`;
}

function frame(
  x: number,
  y: number,
  width: number,
  height: number,
  colour: string,
  standing: Standing,
): string {
  const strong = standing === 'right' || standing === 'unlabelled' ? 2 : 6;
  return `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="4" fill="none" stroke="${colour}" stroke-width="${strong}"/>`;
}

function noPicture(left: number, top: number): string {
  return `<rect x="${left}" y="${top}" width="${picture.width}" height="${picture.height}" fill="#e3e6ea"/>
<text x="${left + picture.width / 2}" y="${top + picture.height / 2}" text-anchor="middle" font-size="16" fill="#59616b">no picture that can be shown</text>`;
}

function legend(title: string): string {
  let x = gap;
  const items = [
    { words: 'box of the model', sample: () => boxSvg([x, 56, x + 34, 76], toldColour, 3) },
    { words: 'box drawn by hand', sample: () => boxSvg([x, 56, x + 34, 76], drawnColour, 2, '8 6') },
    { words: 'wrong or not judged', sample: () => frame(x, 56, 34, 20, frames.wrong.colour, 'wrong') },
    {
      words: 'a box is missing or too many',
      sample: () => frame(x, 56, 34, 20, frames['boxes differ'].colour, 'boxes differ'),
    },
    { words: 'right', sample: () => frame(x, 56, 34, 20, frames.right.colour, 'right') },
    {
      words: 'nobody has said what it shows',
      sample: () => frame(x, 56, 34, 20, frames.unlabelled.colour, 'unlabelled'),
    },
  ];
  const drawn = items.map(({ words, sample }) => {
    const svg = `${sample()}\n<text x="${x + 42}" y="72" font-size="15" fill="#1b1f24">${words}</text>`;
    x += 42 + words.length * 8.2 + 24;
    return svg;
  });
  return `<text x="${gap}" y="34" font-size="20" font-weight="bold" fill="#1b1f24">${xmlText(title)}</text>\n${drawn.join('\n')}`;
}
