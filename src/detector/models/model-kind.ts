// Which kind of model this is, told by the shapes of its outputs, the number of its class names, what it answers to a grey
// picture and the number of places that a detector looks at in an input of its size. Forms are those that exporters of
// the families write.
import { StartupError } from '../../errors.js';
import type { Size } from '../images/frame.js';
import type { ModelSpec } from './model-spec.js';
import { unfit, type Found, type TensorInfo } from './refusal.js';
import { modelKinds, type ModelKind } from './sidecar.js';

/** An output after a run: its dimensions are numbers. */
export interface OutputInfo extends TensorInfo {
  readonly shape: readonly number[];
  /** Whether the answer to a grey picture can be corners, score and class, row by row; left out: nobody has looked. */
  readonly holdsDetections?: boolean;
}

/** One way to read an output. */
export interface Reading {
  readonly kind: ModelKind;
  readonly output: OutputInfo;
  /** Classes that the shape has room for; null where it does not tell. */
  readonly classCount: number | null;
  /** Places that are told of; null for a classifier. */
  readonly places: number | null;
}

/** A reading, and what decided for it, for the log. */
export interface Recognised extends Reading {
  readonly decidedBy: string;
}

interface Row {
  readonly form: string;
  readonly read: (dims: readonly number[]) => Pick<Reading, 'classCount' | 'places'> | null;
  /** Whether that many places are what this kind tells of, where `grids` are the numbers of cells of usual networks. */
  readonly isUsual: (places: number, grids: readonly number[]) => boolean;
}

const detector = (classCount: number | null, places: number) =>
  classCount === null || classCount >= 1 ? { classCount, places } : null;

/** The table of docs/models.md. */
const rows: Readonly<Record<ModelKind, Row>> = {
  'yolo-v5': {
    form: '[1, n, 5 + classes]',
    read: ([one, n = 0, row = 0, ...more]) => (one === 1 && more.length === 0 ? detector(row - 5, n) : null),
    isUsual: (places, grids) => grids.some((cells) => places === 3 * cells || places === cells),
  },
  'yolo-v8': {
    form: '[1, 4 + classes, n]',
    read: ([one, row = 0, n = 0, ...more]) =>
      one === 1 && n > 0 && more.length === 0 ? detector(row - 4, n) : null,
    isUsual: (places, grids) => grids.includes(places),
  },
  'end-to-end': {
    form: '[1, n, 6]',
    read: ([one, n = 0, row, ...more]) => (one === 1 && row === 6 && more.length === 0 ? detector(null, n) : null),
    isUsual: (places, grids) => !grids.some((cells) => places === 3 * cells || places === cells),
  },
  classifier: {
    form: '[1, classes] or [1, classes, 1, 1]',
    // A single number says which of two classes it is.
    read: ([one, count = 0, ...more]) =>
      one === 1 && count >= 1 && (more.length === 0 || (more.length === 2 && more.every((side) => side === 1)))
        ? { classCount: Math.max(count, 2), places: null }
        : null,
    isUsual: () => true,
  },
};

/**
 * Reads the outputs of a model whose input has the size `input`. `needsNames`: without class names it is of no use.
 * Throws StartupError that says what was found and what would do.
 */
export function recognise(
  outputs: readonly OutputInfo[],
  input: Size,
  spec: ModelSpec,
  found: Found,
  needsNames: boolean,
): Recognised {
  if (spec.task !== null && spec.task !== 'detect' && spec.task !== 'classify') {
    throw unfit(found, `is made for another task, ${spec.task}`, 'use a model that detects or classifies');
  }
  const grids = gridsOf(input);
  const chosen = chosenOutputs(outputs, spec);
  const readings = pickedByNames(
    chosen.flatMap((output) => bestReadings(readingsOf(output, spec), grids, spec)),
    spec,
  );
  const [reading, ...others] = readings;
  if (reading === undefined) throw unfit(found, 'fits no kind that is served', wanted(spec));
  if (others.length > 0) {
    const kinds = [...new Set(readings.map(({ kind }) => kind))];
    throw kinds.length > 1 && chosen.length === 1
      ? unfit(found, `may be ${kinds.join(' or ')}`, 'say which by kind in the .yaml file beside the model')
      : unfit(found, 'has several outputs that could be meant', pickOne);
  }
  const rest = chosen.filter((output) => output !== reading.output);
  // What a classifier says beside its classes, features or a map, changes no verdict.
  if (rest.length > 0 && reading.kind !== 'classifier' && placesOfHeads(rest) !== reading.places) {
    const problem = 'has more than one output, as models have that segment or do several things';
    throw unfit(found, problem, wanted(spec));
  }
  checkNames(reading, spec, needsNames);
  return reading;
}

const pickOne =
  'name the one to be used by output in the .yaml file beside the model, or export it without the others';

/** All outputs, or the one that the sidecar names. */
function chosenOutputs(outputs: readonly OutputInfo[], { name, output }: ModelSpec): readonly OutputInfo[] {
  if (output === null) return outputs;
  const chosen = outputs.filter((one) => one.name === output);
  if (chosen.length > 0) return chosen;
  throw new StartupError(
    `the model ${name} has no output ${output}; it has ${outputs.map((one) => one.name).join(', ')}`,
    'correct output in the .yaml file beside the model, or leave it out',
  );
}

/** Of several outputs that each could name classes: the one with as many as there are names. */
function pickedByNames(readings: readonly Recognised[], { classes }: ModelSpec): readonly Recognised[] {
  if (classes === null || !readings.every(({ kind }) => kind === 'classifier')) return readings;
  const fitting = readings.filter(({ classCount }) => classCount === classes.length);
  return fitting.length === 1 && readings.length > 1
    ? fitting.map((reading) => ({ ...reading, decidedBy: 'the number of class names' }))
    : readings;
}

function readingsOf(output: OutputInfo, spec: ModelSpec): Reading[] {
  // Counts and indices are no scores.
  if (output.type !== 'float32' && output.type !== 'float16') return [];
  const isAllowed = (kind: ModelKind) =>
    (spec.kind ?? kind) === kind &&
    (spec.task === null || (spec.task === 'classify') === (kind === 'classifier'));
  return modelKinds.filter(isAllowed).flatMap((kind) => {
    const read = rows[kind].read(output.shape);
    return read === null ? [] : [{ kind, output, ...read }];
  });
}

/** Of several readings of one output: what the exporter says, the names, the answer, what is usual, what is longer. */
function bestReadings(
  readings: readonly Reading[],
  grids: readonly number[],
  spec: ModelSpec,
): readonly Recognised[] {
  const count = spec.classes?.length;
  const wishes: readonly (readonly [why: string, wish: (reading: Reading) => boolean])[] = [
    ['its exporter', ({ kind }) => kind === 'end-to-end' && spec.isEndToEnd],
    [
      'the number of class names',
      ({ classCount }) => count === undefined || classCount === null || classCount === count,
    ],
    [
      'what it answers to a grey picture',
      ({ kind, output: { holdsDetections } }) =>
        holdsDetections === undefined || holdsDetections === (kind === 'end-to-end'),
    ],
    ['the number of its places', ({ kind, places }) => rows[kind].isUsual(places ?? 0, grids)],
    ['its longer side', ({ classCount, places }) => (places ?? 0) > (classCount ?? 0)],
  ];
  let left = readings;
  let decidedBy = spec.kind === null ? 'its form' : 'kind in the .yaml file';
  for (const [why, wish] of wishes) {
    const granted = left.filter(wish);
    if (granted.length === 0 || granted.length === left.length) continue;
    left = granted;
    decidedBy = why;
  }
  return left.map((reading) => ({ ...reading, decidedBy }));
}

function checkNames(
  { kind, classCount, output }: Reading,
  { name, classes }: ModelSpec,
  needsNames: boolean,
): void {
  if (classes === null && needsNames) {
    const which = classCount === null ? 'its classes' : `its ${classCount} classes`;
    throw new StartupError(
      `the model ${name} does not say what ${which} are`,
      'list their names in order under model.classes, or in a .yaml file of the same name beside the model',
    );
  }
  if (kind === 'classifier' && output.shape[1] === 1 && classes !== null && classes.length !== 2) {
    throw new StartupError(
      `the model ${name} answers one number, which tells two classes apart, but ${plural(classes, 'name')} given (${classes.join(', ')})`,
      'list two names under model.classes, or classes in the .yaml file beside the model: first what a low number means, then what a high one means',
    );
  }
  if (classes !== null && classCount !== null && classes.length !== classCount) {
    throw new StartupError(
      `the model ${name} has ${classCount} classes, but ${classes.length} names are given (${classes.join(', ')}); ` +
        `it was read as ${kind}, ${rows[kind].form}`,
      'correct model.classes, or classes (or kind) in the .yaml file beside the model',
    );
  }
}

/** Cells of all grids of usual networks: strides double from 4, 8 or 16 to 32 or 64. */
function gridsOf({ width, height }: Size): readonly number[] {
  const cells = (stride: number) => Math.ceil(width / stride) * Math.ceil(height / stride);
  const sum = (strides: readonly number[]) => strides.reduce((total, stride) => total + cells(stride), 0);
  return [
    [8, 16, 32],
    [16, 32],
    [8, 16, 32, 64],
    [4, 8, 16, 32],
  ].map(sum);
}

/** How many places the raw heads `[1, channels, h, w]` or `[1, anchors, h, w, channels]` tell of; null: they are none. */
function placesOfHeads(outputs: readonly OutputInfo[]): number | null {
  let places = 0;
  for (const { shape } of outputs) {
    const [, first = 0, second = 0, third = 0, fourth] = shape;
    if (shape.length < 4 || shape.length > 5) return null;
    places += fourth === undefined ? second * third : first * second * third;
  }
  return places;
}

function plural(things: readonly unknown[], word: string): string {
  return things.length === 1 ? `1 ${word} is` : `${things.length} ${word}s are`;
}

function wanted({ task }: ModelSpec): string {
  const kinds = modelKinds.filter((kind) => task === null || (task === 'classify') === (kind === 'classifier'));
  const forms = kinds.map((kind) => `${rows[kind].form} (${kind})`).join(', ');
  return `export a model with one output, float32 or float16, of the form ${forms}; task and kind in the .yaml file beside the model overrule what is found`;
}
