// Whether what a detector answers to a grey picture can be what its shape promises: numbers, boxes in pixels, scores from 0
// to 1. One that is read wrongly would give wrong verdicts for ever, and nobody would be told.
import { holdsClassNumbers, type OutputData } from './boxes.js';

/** Room for rounding. */
const scoreMin = -0.01;
const scoreMax = 1.01;
/** Of so many boxes in pixels some lie further from the corner than this; in shares of the picture none does. */
const shareMax = 2;
const placesMin = 50;

/** What is wrong, after "but"; null: nothing. */
export function implausible(
  kind: 'yolo-v5' | 'yolo-v8' | 'end-to-end',
  { data, dims }: OutputData,
): string | null {
  if (data.some(Number.isNaN)) return 'it answers a grey picture with something that is no number';
  if (kind === 'end-to-end') {
    return holdsClassNumbers({ data, dims }) ? null : 'the last of six numbers is no class';
  }
  const places = (kind === 'yolo-v8' ? dims[2] : dims[1]) ?? 0;
  const length = (kind === 'yolo-v8' ? dims[1] : dims[2]) ?? 0;
  const at = (place: number, row: number) =>
    data[kind === 'yolo-v8' ? row * places + place : place * length + row] ?? 0;
  let furthest = 0;
  for (let place = 0; place < places; place++) {
    for (let row = 0; row < 4; row++) furthest = Math.max(furthest, Math.abs(at(place, row)));
    for (let row = 4; row < length; row++) {
      const score = at(place, row);
      if (score < scoreMin || score > scoreMax)
        return `a score of it is ${score.toFixed(2)}, not from 0 to 1 (no sigmoid in the graph?)`;
    }
  }
  return places >= placesMin && furthest <= shareMax
    ? 'its boxes are shares of the picture, not pixels of the input'
    : null;
}
