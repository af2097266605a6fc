// What of the photos is worth looking at first.
import { isRight, type Judged } from '../judged.js';
import { matchBoxes } from '../matching.js';

export type Standing = 'wrong' | 'not judged' | 'boxes differ' | 'unlabelled' | 'right';

/** The worst first. */
const standings: readonly Standing[] = ['wrong', 'not judged', 'boxes differ', 'unlabelled', 'right'];

export interface Entry extends Judged {
  readonly standing: Standing;
}

/** The worst first; among the wrong ones those that the model was surest of, then by name. */
export function worstFirst(items: readonly Judged[], sideMin = 0): readonly Entry[] {
  return items
    .map((item) => ({ ...item, standing: standingOf(item, sideMin) }))
    .sort(
      (a, b) =>
        standings.indexOf(a.standing) - standings.indexOf(b.standing) ||
        (a.standing === 'wrong' ? confidenceOf(b) - confidenceOf(a) : 0) ||
        (a.photo.name < b.photo.name ? -1 : 1),
    );
}

function standingOf(item: Judged, sideMin: number): Standing {
  const { photo, outcome } = item;
  if (outcome.type === 'failed') return 'not judged';
  const right = isRight(item);
  if (right === false) return 'wrong';
  if (photo.boxes !== undefined && (photo.boxes.length === 0 || outcome.detections.length > 0)) {
    const { told, drawn } = matchBoxes(photo.boxes, outcome.detections, sideMin);
    const found = told.filter(({ iou }) => iou !== null).length;
    if (found < drawn || found < told.length) return 'boxes differ';
  } else if (photo.boxes !== undefined && outcome.confidence === null) return 'boxes differ';
  return right === null ? 'unlabelled' : 'right';
}

function confidenceOf({ outcome }: Judged): number {
  return outcome.type === 'verdict' ? (outcome.confidence ?? 0) : 0;
}
