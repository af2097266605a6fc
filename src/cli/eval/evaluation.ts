// Everything that a run found, as one value: for JSON, for the text, for the contact sheet.
import { percentile } from '../bench/statistics.js';
import { calibrationOf, type Calibration } from './calibration.js';
import { wilsonInterval, type Interval } from './interval.js';
import { isRight, type Judged, type Verdict } from './judged.js';
import { iouMin, matchBoxes } from './matching.js';

export interface Share {
  readonly hits: number;
  readonly of: number;
  /** hits / of; null of nothing. */
  readonly share: number | null;
  readonly interval95: Interval | null;
}

export interface Verdicts extends Share {
  readonly wrong: number;
  /** Those with a label that the server did not judge; they are not right. */
  readonly failed: number;
  readonly byLabel: Readonly<Record<string, Share>>;
}

/** `counts[label][said]`. */
export interface Confusion {
  readonly labels: readonly string[];
  readonly said: readonly string[];
  readonly counts: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

export interface Boxes {
  readonly iouMin: number;
  readonly sideMin: number;
  /** Photos whose boxes somebody has drawn and that were judged. */
  readonly photos: number;
  readonly precision: Share;
  readonly recall: Share;
  readonly meanIou: number | null;
}

export interface Spread {
  readonly count: number;
  readonly p50: number | null;
  readonly p99: number | null;
}

export interface Evaluation {
  readonly models: readonly string[];
  readonly photos: number;
  readonly unlabelled: number;
  readonly failed: number;
  readonly verdicts: Verdicts;
  readonly confusion: Confusion;
  /** null: nobody has drawn any, or the model tells none. */
  readonly boxes: Boxes | null;
  readonly calibration: { readonly verdicts: Calibration | null; readonly boxes: Calibration | null };
  readonly latencyMs: Readonly<Record<'client' | 'queue' | 'decode' | 'inference' | 'total', Spread>>;
  readonly items: readonly Judged[];
}

/** Column of the confusion for what was not judged. */
export const notJudged = 'not judged';

/** `sideMin`: boxes whose shorter side is below so many pixels do not count. */
export function evaluate(judged: readonly Judged[], sideMin = 0): Evaluation {
  const labelled = judged.filter(({ photo }) => photo.label !== undefined);
  const verdicts = judged.flatMap(({ outcome }) => (outcome.type === 'verdict' ? [outcome] : []));
  const matches = matchesOf(judged, sideMin);
  return {
    models: [...new Set(verdicts.map(({ model }) => model))].sort(),
    photos: judged.length,
    unlabelled: judged.length - labelled.length,
    failed: judged.length - verdicts.length,
    verdicts: verdictsOf(labelled),
    confusion: confusionOf(labelled),
    boxes: matches === null ? null : boxesOf(matches, sideMin),
    calibration: {
      verdicts: calibrationOf(labelled.flatMap(toldOf)),
      boxes: calibrationOf(
        (matches ?? []).flatMap(({ told }) =>
          told.map(({ confidence, iou }) => ({ confidence, isRight: iou !== null })),
        ),
      ),
    },
    latencyMs: latencyOf(verdicts),
    items: judged,
  };
}

export function shareOf(hits: number, of: number): Share {
  return { hits, of, share: of === 0 ? null : hits / of, interval95: wilsonInterval(hits, of) };
}

function verdictsOf(labelled: readonly Judged[]): Verdicts {
  const right = labelled.filter(isRight).length;
  const failed = labelled.filter(({ outcome }) => outcome.type === 'failed').length;
  const byLabel = labelsOf(labelled).map((label) => {
    const of = labelled.filter(({ photo }) => photo.label === label);
    return [label, shareOf(of.filter(isRight).length, of.length)] as const;
  });
  return {
    ...shareOf(right, labelled.length),
    wrong: labelled.length - right - failed,
    failed,
    byLabel: Object.fromEntries(byLabel),
  };
}

function confusionOf(labelled: readonly Judged[]): Confusion {
  const counts = new Map<string, Map<string, number>>();
  const allSaid = new Set<string>();
  for (const { photo, outcome } of labelled) {
    const said = outcome.type === 'verdict' ? outcome.said : notJudged;
    const row = counts.get(photo.label ?? '') ?? new Map<string, number>();
    row.set(said, (row.get(said) ?? 0) + 1);
    counts.set(photo.label ?? '', row);
    allSaid.add(said);
  }
  const labels = labelsOf(labelled);
  const others = [...allSaid].filter((said) => !labels.includes(said) && said !== notJudged).sort();
  const said = [...labels, ...others, ...(allSaid.has(notJudged) ? [notJudged] : [])];
  const rowOf = (label: string) =>
    Object.fromEntries(said.map((each) => [each, counts.get(label)?.get(each) ?? 0]));
  return { labels, said, counts: Object.fromEntries(labels.map((label) => [label, rowOf(label)])) };
}

function labelsOf(labelled: readonly Judged[]): readonly string[] {
  return [...new Set(labelled.map(({ photo }) => photo.label ?? ''))].sort();
}

function matchesOf(judged: readonly Judged[], sideMin: number) {
  const drawn = judged.flatMap(({ photo, outcome }) =>
    photo.boxes === undefined || outcome.type === 'failed' ? [] : [{ boxes: photo.boxes, outcome }],
  );
  // A classifier judges the picture as a whole: what it tells without a box is no box that is missing.
  const isClassifier =
    drawn.some(({ outcome }) => outcome.confidence !== null) &&
    drawn.every(({ outcome }) => outcome.detections.length === 0);
  if (drawn.length === 0 || isClassifier) return null;
  return drawn.map(({ boxes, outcome }) => matchBoxes(boxes, outcome.detections, sideMin));
}

function boxesOf(matches: readonly ReturnType<typeof matchBoxes>[], sideMin: number): Boxes {
  const told = matches.flatMap((each) => each.told);
  const ious = told.flatMap(({ iou }) => (iou === null ? [] : [iou]));
  const drawn = matches.reduce((sum, each) => sum + each.drawn, 0);
  return {
    iouMin,
    sideMin,
    photos: matches.length,
    precision: shareOf(ious.length, told.length),
    recall: shareOf(ious.length, drawn),
    meanIou: ious.length === 0 ? null : ious.reduce((sum, iou) => sum + iou, 0) / ious.length,
  };
}

/** A verdict without a pear has no confidence. */
function toldOf(judged: Judged) {
  const { outcome } = judged;
  if (outcome.type === 'failed' || outcome.confidence === null) return [];
  return [{ confidence: outcome.confidence, isRight: isRight(judged) === true }];
}

function latencyOf(verdicts: readonly Verdict[]): Evaluation['latencyMs'] {
  const timings = verdicts.flatMap(({ timingMs }) => timingMs ?? []);
  return {
    client: spreadOf(verdicts.map(({ clientMs }) => clientMs)),
    queue: spreadOf(timings.map(({ queue }) => queue)),
    decode: spreadOf(timings.map(({ decode }) => decode)),
    inference: spreadOf(timings.map(({ inference }) => inference)),
    total: spreadOf(timings.map(({ total }) => total)),
  };
}

function spreadOf(values: readonly number[]): Spread {
  return { count: values.length, p50: percentile(values, 0.5), p99: percentile(values, 0.99) };
}
