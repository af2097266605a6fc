// Which kind of model this is, told by the shapes of its outputs, the number of its class names and the number of places
// that a detector looks at in an input of its size. Forms are those that exporters of the families write.
import { StartupError } from '../../errors.js';
import type { Size } from '../images/frame.js';
import type { ModelSpec } from './model-spec.js';
import { unfit, type Found, type TensorInfo } from './refusal.js';
import { modelKinds, type ModelKind } from './sidecar.js';

/** An output after a run: its dimensions are numbers. */
export interface OutputInfo extends TensorInfo {
  readonly shape: readonly number[];
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
    form: '[1, classes]',
    read: ([one, classCount = 0, ...more]) =>
      one === 1 && classCount >= 2 && more.length === 0 ? { classCount, places: null } : null,
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
): Reading {
  if (spec.task !== null && spec.task !== 'detect' && spec.task !== 'classify') {
    throw unfit(found, `is made for another task, ${spec.task}`, 'use a model that detects or classifies');
  }
  const grids = gridsOf(input);
  const readings = outputs.flatMap((output) => bestReadings(readingsOf(output, spec), grids, spec));
  const [reading, ...others] = readings;
  if (reading === undefined) throw unfit(found, 'fits no kind that is served', wanted(spec));
  if (others.length > 0) {
    const kinds = [...new Set(readings.map(({ kind }) => kind))];
    throw kinds.length > 1 && outputs.length === 1
      ? unfit(found, `may be ${kinds.join(' or ')}`, 'say which by kind in the .yaml file beside the model')
      : unfit(found, 'has several outputs that could be meant', wanted(spec));
  }
  const rest = outputs.filter((output) => output !== reading.output);
  if (rest.length > 0 && placesOfHeads(rest) !== reading.places) {
    throw unfit(found, 'has more than one output, as models have that segment or do several things', wanted(spec));
  }
  checkNames(reading, spec, needsNames);
  return reading;
}

function readingsOf(output: OutputInfo, spec: ModelSpec): Reading[] {
  const isAllowed = (kind: ModelKind) =>
    (spec.kind ?? kind) === kind &&
    (spec.task === null || (spec.task === 'classify') === (kind === 'classifier'));
  return modelKinds.filter(isAllowed).flatMap((kind) => {
    const read = rows[kind].read(output.shape);
    return read === null ? [] : [{ kind, output, ...read }];
  });
}

/** Of several readings of one output: what the exporter says, what the names say, what is usual, what is longer. */
function bestReadings(readings: readonly Reading[], grids: readonly number[], spec: ModelSpec): readonly Reading[] {
  const count = spec.classes?.length;
  const wishes: readonly ((reading: Reading) => boolean)[] = [
    ({ kind }) => kind === 'end-to-end' && spec.isEndToEnd,
    ({ classCount }) => count === undefined || classCount === null || classCount === count,
    ({ kind, places }) => rows[kind].isUsual(places ?? 0, grids),
    ({ classCount, places }) => (places ?? 0) > (classCount ?? 0),
  ];
  return wishes.reduce<readonly Reading[]>((left, wish) => {
    const granted = left.filter(wish);
    return granted.length > 0 ? granted : left;
  }, readings);
}

function checkNames({ kind, classCount }: Reading, { name, classes }: ModelSpec, needsNames: boolean): void {
  if (classes === null && needsNames) {
    const which = classCount === null ? 'its classes' : `its ${classCount} classes`;
    throw new StartupError(
      `the model ${name} does not say what ${which} are`,
      'list their names in order under model.classes, or in a .yaml file of the same name beside the model',
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

function wanted({ task }: ModelSpec): string {
  const kinds = modelKinds.filter((kind) => task === null || (task === 'classify') === (kind === 'classifier'));
  const forms = kinds.map((kind) => `${rows[kind].form} (${kind})`).join(', ');
  return `export a model with one output of the form ${forms}; task and kind in the .yaml file beside the model overrule what is found`;
}
