// From the raw output of a YOLO v8 style network to boxes: threshold, then greedy non-maximum suppression.
// Output form as exported by ultralytics for v8, v9, v11, v12: [1, 4 + classes, candidates], the four being
// centre x, centre y, width, height in pixels of the input, the scores between 0 and 1 (no sigmoid left to do).
import type { Box } from '../images/letterbox.js';

export interface Candidate {
  /** Pixels of the input. */
  readonly box: Box;
  readonly classIndex: number;
  /** 0 to 1. */
  readonly score: number;
}

export interface SuppressionOptions {
  /** Least score that counts, 0 to 1. */
  readonly confidenceThreshold: number;
  /** Boxes that overlap a better one by more than this intersection over union are dropped, 0 to 1. */
  readonly iouThreshold: number;
  /** True: a box is dropped by a better one of any class; false: of its own class only. */
  readonly acrossClasses: boolean;
}

/** Most boxes kept for one image; ultralytics' own limit. */
const detectionsMax = 300;

/** The boxes that stand after suppression, best first. `output`: Float32Array [4 + classCount, count]. */
export function detect(
  output: Float32Array,
  classCount: number,
  options: SuppressionOptions,
): readonly Candidate[] {
  return suppress(candidates(output, classCount, options.confidenceThreshold), options);
}

function candidates(output: Float32Array, classCount: number, threshold: number): Candidate[] {
  const count = output.length / (4 + classCount);
  const at = (row: number, column: number) => output[row * count + column] ?? Number.NaN;
  const found: Candidate[] = [];
  for (let column = 0; column < count; column++) {
    let score = -1;
    let classIndex = 0;
    for (let index = 0; index < classCount; index++) {
      const candidate = at(4 + index, column);
      if (candidate > score) {
        score = candidate;
        classIndex = index;
      }
    }
    if (score < threshold) continue;
    const [x, y, width, height] = [at(0, column), at(1, column), at(2, column), at(3, column)];
    const box: Box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
    if (box.every(Number.isFinite)) found.push({ box, classIndex, score });
  }
  return found;
}

/** Greedy non-maximum suppression: the best box stands, what overlaps it too much falls, and so on. */
export function suppress(found: readonly Candidate[], options: SuppressionOptions): readonly Candidate[] {
  const kept: Candidate[] = [];
  for (const candidate of [...found].sort((a, b) => b.score - a.score)) {
    const covered = kept.some(
      (better) =>
        (options.acrossClasses || better.classIndex === candidate.classIndex) &&
        intersectionOverUnion(better.box, candidate.box) > options.iouThreshold,
    );
    if (covered) continue;
    kept.push(candidate);
    if (kept.length === detectionsMax) break;
  }
  return kept;
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
