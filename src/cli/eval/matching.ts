// Which of the boxes that a model tells are boxes that somebody has drawn. As COCO does it at one overlap: the surest
// comes first and takes the free box that it overlaps most; too small ones count neither way.
import type { Box } from '../../detector/images/frame.js';
import { intersectionOverUnion } from '../../detector/inference/outputs/suppression.js';

/** Overlap from which a box counts as found. */
export const iouMin = 0.5;

export interface Told {
  readonly box: Box;
  readonly confidence: number;
}

export interface Match {
  readonly confidence: number;
  /** Overlap with the box it was matched with; null: there is none, it is a false alarm. */
  readonly iou: number | null;
}

export interface Matched {
  /** Those that count, the surest first. */
  readonly told: readonly Match[];
  /** Drawn boxes that count. */
  readonly drawn: number;
}

/** `sideMin`: boxes whose shorter side is below so many pixels do not count. */
export function matchBoxes(drawn: readonly Box[], told: readonly Told[], sideMin = 0): Matched {
  const free = new Set(drawn.filter((box) => shorterSide(box) >= sideMin));
  const small = drawn.filter((box) => !free.has(box));
  const count = free.size;
  const matches: Match[] = [];
  for (const { box, confidence } of [...told].sort((a, b) => b.confidence - a.confidence)) {
    const best = bestOf(free, box);
    if (best !== null) {
      free.delete(best.box);
      matches.push({ confidence, iou: best.iou });
    } else if (shorterSide(box) >= sideMin && bestOf(small, box) === null) {
      matches.push({ confidence, iou: null });
    }
  }
  return { told: matches, drawn: count };
}

/** The overlap of a box with the drawn one that it overlaps most; null where none is drawn. */
export function bestOverlap(drawn: readonly Box[], box: Box): number | null {
  return drawn.reduce<number | null>(
    (best, each) => Math.max(best ?? 0, intersectionOverUnion(each, box)),
    null,
  );
}

function bestOf(drawn: Iterable<Box>, box: Box): { readonly box: Box; readonly iou: number } | null {
  let best: { readonly box: Box; readonly iou: number } | null = null;
  for (const each of drawn) {
    const iou = intersectionOverUnion(each, box);
    if (iou >= iouMin && iou > (best?.iou ?? 0)) best = { box: each, iou };
  }
  return best;
}

function shorterSide([left, top, right, bottom]: Box): number {
  return Math.min(right - left, bottom - top);
}
