// What of the photos is worth looking at first.
import { isRight, type Judged } from '../judged.js';
import { matchBoxes } from '../matching.js';

export type Standing = 'wrong' | 'not judged' | 'boxes differ' | 'unlabelled' | 'right';

/** The worst first. */
const standings: readonly Standing[] = ['wrong', 'not judged', 'boxes differ', 'unlabelled', 'right'];

export interface BoxCounts {
  readonly drawn: number;
  readonly found: number;
  /** Told where none is drawn. */
  readonly tooMany: number;
}

export interface Entry extends Judged {
  readonly standing: Standing;
  /** null: nobody has drawn any, or the model tells none. */
  readonly boxes: BoxCounts | null;
}

/**
 * The worst first: among wrong ones those that the model was surest of, among others those whose boxes differ most, then
 * by name. `sideMin`: boxes whose shorter side is below so many pixels do not count; null: none do.
 */
export function worstFirst(items: readonly Judged[], sideMin: number | null): readonly Entry[] {
  return items
    .map((item) => {
      const boxes = sideMin === null ? null : boxCounts(item, sideMin);
      return { ...item, boxes, standing: standingOf(item, boxes) };
    })
    .sort(
      (a, b) =>
        standings.indexOf(a.standing) - standings.indexOf(b.standing) ||
        (a.standing === 'wrong' ? confidenceOf(b) - confidenceOf(a) : 0) ||
        mistakesIn(b.boxes) - mistakesIn(a.boxes) ||
        (a.photo.name < b.photo.name ? -1 : 1),
    );
}

function standingOf(item: Judged, boxes: BoxCounts | null): Standing {
  if (item.outcome.type === 'failed') return 'not judged';
  const right = isRight(item);
  if (right === false) return 'wrong';
  if (mistakesIn(boxes) > 0) return 'boxes differ';
  return right === null ? 'unlabelled' : 'right';
}

function boxCounts({ photo, outcome }: Judged, sideMin: number): BoxCounts | null {
  if (photo.boxes === undefined || outcome.type === 'failed') return null;
  const { told, drawn } = matchBoxes(photo.boxes, outcome.detections, sideMin);
  const found = told.filter(({ iou }) => iou !== null).length;
  return { drawn, found, tooMany: told.length - found };
}

function mistakesIn(boxes: BoxCounts | null): number {
  return boxes === null ? 0 : boxes.drawn - boxes.found + boxes.tooMany;
}

function confidenceOf({ outcome }: Judged): number {
  return outcome.type === 'verdict' ? (outcome.confidence ?? 0) : 0;
}
