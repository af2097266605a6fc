// What a run found, as text for people.
import { printable } from '../fitted-table.js';
import { table } from '../table.js';
import { plural } from '../times.js';
import type { Calibration } from './calibration.js';
import { noPear } from './class-names.js';
import { notJudged, type Evaluation, type Share, type Spread } from './evaluation.js';
import { isRight, type Judged } from './judged.js';
import { bestOverlap } from './matching.js';

/** Of these everybody knows what they mean. */
const usualClasses: readonly string[] = ['normal', 'defective', noPear, notJudged];
/** More of them nobody reads in a terminal; the JSON and the sheet have all. */
const rowsMax = 50;

export function reportOf(found: Evaluation): string {
  const parts = [
    headingOf(found),
    found.verdicts.of === 0 ? '' : confusionText(found),
    found.verdicts.of === 0 ? '' : countsText(found),
    boxesText(found),
    calibrationText('confidence and right verdicts', found.calibration.verdicts),
    calibrationText('confidence and right boxes', found.calibration.boxes),
    latencyText(found.latencyMs),
    mistakesText(found.items),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function headingOf({ photos, models, unlabelled }: Evaluation): string {
  const by = models.length === 0 ? '' : `, judged by ${models.map(printable).join(' and ')}`;
  const none = unlabelled === 0 ? '' : `; nobody says what ${unlabelled} of them show`;
  return `${plural(photos, 'photo')}${by}${none}\n`;
}

function confusionText({ confusion: { labels, said, counts } }: Evaluation): string {
  const rows = labels.map((label) => [
    printable(label),
    ...said.map((each) => String(counts[label]?.[each] ?? 0)),
  ]);
  const strange = said.filter((each) => !labels.includes(each) && !usualClasses.includes(each));
  const unheard = labels.filter(
    (label) =>
      !usualClasses.includes(label) &&
      labels.every((row) => counts[row]?.[label] === 0) &&
      said.some((each) => each !== notJudged && counts[label]?.[each] !== 0),
  );
  const hints = [
    otherWord('no photo is labelled', strange),
    otherWord('no labelled photo is said to show', unheard),
  ];
  return `${table(['labelled ↓  said →', ...said.map(printable)], rows)}${hints.join('')}`;
}

/** A class that stands on one side alone may be mistyped, the other side's by another name, or never told by the model. */
function otherWord(claim: string, classes: readonly string[]): string {
  const [first] = classes;
  if (first === undefined) return '';
  const names = classes.map(printable).join(' or ');
  return `${claim} ${names}; if that is another word, --classes ${printable(first)}=CLASS says which class it is\n`;
}

function countsText({ verdicts }: Evaluation): string {
  const rows = Object.entries(verdicts.byLabel).map(
    ([label, share]) => `${printable(label)}: ${shareText(share, 'right')}\n`,
  );
  const { wrong, failed } = verdicts;
  return `${rows.join('')}all: ${shareText(verdicts, 'right')}; ${wrong} wrong, ${failed} not judged\n`;
}

/** `7 of 7 right (100 %, 95 % interval 65 to 100 %)` */
function shareText({ hits, of, share, interval95 }: Share, word: string): string {
  if (share === null || interval95 === null) return `0 of 0 ${word}`;
  const [low, high] = interval95.map(percent);
  return `${hits} of ${of} ${word} (${percent(share)} %, 95 % interval ${low} to ${high} %)`;
}

function boxesText({ boxes }: Evaluation): string {
  if (boxes === null) return '';
  const small = boxes.sideMin === 0 ? '' : `, those below ${boxes.sideMin} pixels left out`;
  return `boxes in ${plural(boxes.photos, 'photo')} (IoU at least ${boxes.iouMin}${small})
recall: ${shareText(boxes.recall, 'found')}
precision: ${shareText(boxes.precision, 'told are right')}
mean IoU of those found: ${boxes.meanIou?.toFixed(3) ?? '-'}
`;
}

function calibrationText(title: string, calibration: Calibration | null): string {
  if (calibration === null) return '';
  const rows = calibration.bins
    .filter(({ count }) => count > 0)
    .map(({ from, to, count, meanConfidence, share }) => [
      `${from.toFixed(1)} to ${to.toFixed(1)}`,
      String(count),
      meanConfidence?.toFixed(3) ?? '-',
      share?.toFixed(3) ?? '-',
    ]);
  const { count, expectedError, brier } = calibration;
  return `${title}: expected calibration error ${expectedError.toFixed(3)}, Brier score ${brier.toFixed(3)} (of ${count}, 10 bins, empty ones left out)
${table(['confidence', 'count', 'mean confidence', 'share right'], rows)}`;
}

function latencyText(latency: Evaluation['latencyMs']): string {
  const row = (title: string, { p50, p99 }: Spread) => [
    title,
    p50?.toFixed(1) ?? '-',
    p99?.toFixed(1) ?? '-',
  ];
  return table(
    [`milliseconds (${latency.client.count})`, 'p50', 'p99'],
    [
      row('decoding', latency.decode),
      row('inference', latency.inference),
      row('in the server, with waiting', latency.total),
      row('as the client sees it', latency.client),
    ],
  );
}

function mistakesText(items: readonly Judged[]): string {
  const mistakes = items.filter((item) => isRight(item) === false || item.outcome.type === 'failed');
  if (mistakes.length === 0) return '';
  const rows = mistakes
    .slice(0, rowsMax)
    .map(({ photo, outcome }) => [
      printable(photo.name),
      printable(photo.label ?? '-'),
      printable(outcome.type === 'verdict' ? outcome.said : outcome.reason),
      outcome.type === 'verdict' ? (outcome.confidence?.toFixed(3) ?? '-') : '-',
      overlapText(photo, outcome),
      outcome.type === 'verdict' ? 'WRONG' : 'NOT JUDGED',
    ]);
  const more = mistakes.length - rows.length;
  return `${table(['photo', 'label', 'said', 'confidence', 'IoU', ''], rows)}${more > 0 ? `and ${more} more\n` : ''}`;
}

/** Of the box that decides. */
function overlapText({ boxes = [] }: Judged['photo'], outcome: Judged['outcome']): string {
  const [best] = outcome.type === 'verdict' ? outcome.detections : [];
  return (best && bestOverlap(boxes, best.box)?.toFixed(2)) ?? '-';
}

function percent(share: number): string {
  return (100 * share).toFixed(share === 0 || share === 1 ? 0 : 1);
}
