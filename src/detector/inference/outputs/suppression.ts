// Greedy non-maximum suppression: of boxes that overlap, the best one stands. As ultralytics does it (non_max_suppression
// with multi_label off): at most 30,000 boxes go in, 300 come out, an overlap must be above the threshold to count.
import type { Box } from '../../images/frame.js';

export interface Candidate {
  /** Pixels of the input. */
  readonly box: Box;
  readonly classIndex: number;
  /** 0 to 1. */
  readonly score: number;
}

export interface SuppressionOptions {
  /** Boxes that overlap a better one by more than this intersection over union are dropped, 0 to 1. */
  readonly iouThreshold: number;
  /** True: a box is dropped by a better one of any class; false: of its own class only. */
  readonly acrossClasses: boolean;
}

const candidatesMax = 30_000;
/** Most boxes told of one image. */
export const detectionsMax = 300;

/** The boxes that stand, best first; of equal scores the one that was found first. */
export function suppress(found: readonly Candidate[], options: SuppressionOptions): readonly Candidate[] {
  const kept: Candidate[] = [];
  for (const candidate of bestFirst(found).slice(0, candidatesMax)) {
    const isCovered = kept.some(
      (better) =>
        (options.acrossClasses || better.classIndex === candidate.classIndex) &&
        intersectionOverUnion(better.box, candidate.box) > options.iouThreshold,
    );
    if (isCovered) continue;
    kept.push(candidate);
    if (kept.length === detectionsMax) break;
  }
  return kept;
}

export function bestFirst(found: readonly Candidate[]): Candidate[] {
  return [...found].sort((a, b) => b.score - a.score);
}

/** Overlap of two boxes: common area by joint area, 0 to 1. */
export function intersectionOverUnion(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const common = width * height;
  return common / (area(a) + area(b) - common);
}

function area(box: Box): number {
  return (box[2] - box[0]) * (box[3] - box[1]);
}
