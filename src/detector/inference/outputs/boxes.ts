// From the raw output of a detector to candidates: what is above the threshold, with its best class. Forms as exported by
// ultralytics' YOLOv5 and YOLOv8 repositories. What is not a number, or lies nowhere, is no candidate.
import type { Box } from '../../images/frame.js';
import type { Candidate } from './suppression.js';

/** An output, row-major. */
export interface OutputData {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

/**
 * YOLO v5 and alike, `[1, n, 5 + classes]`: centre x, centre y, width, height in pixels of the input, the certainty that
 * something is there, then for each class how certain it is if so. The score is the product.
 */
export function yoloV5Candidates({ data, dims }: OutputData, threshold: number): Candidate[] {
  const length = dims[2] ?? 0;
  const found: Candidate[] = [];
  for (let row = 0; row + length <= data.length && length > 0; row += length) {
    const certainty = at(data, row + 4);
    if (!(certainty > threshold)) continue;
    let best = -1;
    let classIndex = 0;
    for (let index = 0; index < length - 5; index++) {
      const score = at(data, row + 5 + index);
      if (score > best) {
        best = score;
        classIndex = index;
      }
    }
    add(found, centred(at(data, row), at(data, row + 1), at(data, row + 2), at(data, row + 3)), {
      classIndex,
      score: certainty * best,
      threshold,
    });
  }
  return found;
}

/**
 * YOLO v8, v9, v11 and v12, `[1, 4 + classes, n]`: a row of centres x, of centres y, of widths, of heights in pixels of the
 * input, then a row of scores for each class.
 */
export function yoloV8Candidates({ data, dims }: OutputData, threshold: number): Candidate[] {
  const [, rows = 0, count = 0] = dims;
  // Row by row, as the numbers lie in memory. Nearly all are below the threshold, so that is asked first.
  const best = new Float32Array(count);
  const classes = new Int32Array(count);
  const columns: number[] = [];
  for (let row = 4; row < rows; row++) {
    const start = row * count;
    for (let column = 0; column < count; column++) {
      const score = data[start + column] ?? 0;
      if (!(score > threshold)) continue;
      const before = best[column] ?? 0;
      if (score <= before) continue;
      if (before === 0) columns.push(column);
      best[column] = score;
      classes[column] = row - 4;
    }
  }
  const found: Candidate[] = [];
  for (const column of columns.sort((a, b) => a - b)) {
    const [x, y, width, height] = [0, 1, 2, 3].map((row) => at(data, row * count + column));
    add(found, centred(x, y, width, height), {
      classIndex: classes[column] ?? 0,
      score: at(best, column),
      threshold,
    });
  }
  return found;
}

/** End-to-end networks, `[1, n, 6]`: left, top, right, bottom in pixels of the input, score, class; nothing overlaps. */
export function endToEndCandidates(
  { data }: OutputData,
  threshold: number,
  classCount: number | null,
): Candidate[] {
  const found: Candidate[] = [];
  for (let row = 0; row + 6 <= data.length; row += 6) {
    const classIndex = Math.round(at(data, row + 5));
    if (!(classIndex >= 0 && classIndex < (classCount ?? Number.POSITIVE_INFINITY))) continue;
    const box: Box = [at(data, row), at(data, row + 1), at(data, row + 2), at(data, row + 3)];
    add(found, box, { classIndex, score: at(data, row + 4), threshold });
  }
  return found;
}

/** Whether the last column of `[1, n, 6]` holds whole numbers, as classes are; scores of a class would not. */
export function holdsClassNumbers({ data }: OutputData): boolean {
  for (let at = 5; at < data.length; at += 6) {
    const value = data[at] ?? 0;
    if (Number.isFinite(value) && (value < 0 || !Number.isInteger(value))) return false;
  }
  return true;
}

/**
 * Whether rows of six numbers look like corners, score and class: each class a whole number, and most right and lower edges
 * not before the left and upper ones. Centres, sizes and scores (YOLO v5 of one class) do not: few places lie nearer to the
 * corner than their boxes are large.
 */
export function holdsDetections(output: OutputData): boolean {
  if (!holdsClassNumbers(output)) return false;
  const { data } = output;
  const rows = Math.floor(data.length / 6);
  let inOrder = 0;
  for (let row = 0; row < rows; row++) {
    const [left, top, right, bottom] = data.subarray(6 * row);
    if ((right ?? NaN) >= (left ?? NaN) && (bottom ?? NaN) >= (top ?? NaN)) inOrder++;
  }
  return inOrder * 2 >= rows;
}

function add(
  found: Candidate[],
  box: Box,
  { classIndex, score, threshold }: { classIndex: number; score: number; threshold: number },
): void {
  if (score > threshold && Number.isFinite(score) && box.every(Number.isFinite)) {
    found.push({ box, classIndex, score: Math.min(score, 1) });
  }
}

function centred(x = Number.NaN, y = Number.NaN, width = Number.NaN, height = Number.NaN): Box {
  return [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
}

function at(data: Float32Array, index: number): number {
  return data[index] ?? Number.NaN;
}
