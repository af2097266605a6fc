// Models that bite, made here: classifiers of two classes that look at the mean of their picture (0 to 1), and what becomes of it.
import type { OnnxGraph, OnnxNode, OnnxTensor } from '#src/cli/bench/onnx-writer.js';

/** Beside each of them: the mean that they see is that of the picture. */
export const sidecar = 'input: {mean: [0, 0, 0], std: [1, 1, 1]}\nscores: logits\n';

const scalar = (name: string, value: number): OnnxTensor => ({
  name,
  type: 'float32',
  shape: [],
  data: Float32Array.of(value),
});
const whole = (name: string, shape: readonly number[], ...values: readonly bigint[]): OnnxTensor => ({
  name,
  type: 'int64',
  shape,
  data: BigInt64Array.from(values),
});

/** Answers `number`, which `nodes` make of `mean`, and half, as logits. */
function answering(nodes: readonly OnnxNode[], tensors: readonly OnnxTensor[]): OnnxGraph {
  return {
    inputs: [{ name: 'images', type: 'float32', shape: [1, 3, 32, 32] }],
    outputs: [{ name: 'out', type: 'float32', shape: [1, 2] }],
    tensors: [whole('shape', [2], 1n, 1n), scalar('half', 0.5), ...tensors],
    nodes: [
      { op: 'ReduceMean', inputs: ['images'], outputs: ['mean'], attributes: { keepdims: 0 } },
      ...nodes,
      { op: 'Reshape', inputs: ['number', 'shape'], outputs: ['left'] },
      { op: 'Reshape', inputs: ['half', 'shape'], outputs: ['right'] },
      { op: 'Concat', inputs: ['left', 'right'], outputs: ['out'], attributes: { axis: 1 } },
    ],
    metadata: { names: "{0: 'dark', 1: 'light'}" },
  };
}

/** A file of ONNX whose weights are in the file at `location`, which has fewer than 100 letters. */
export function external(location: string): Buffer {
  // A tensor (field 5 of the graph, field 7 of the model) whose external_data (field 13) names the file.
  const field = (number: number, ...parts: readonly (Buffer | string)[]) => {
    const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
    return Buffer.concat([Buffer.of(number * 8 + 2, content.length), content]);
  };
  return field(7, field(5, field(13, field(1, 'location'), field(2, location))));
}

/** A good one: dark where the mean is above one half, as its logits say. */
export const sound = answering([{ op: 'Identity', inputs: ['mean'], outputs: ['number'] }], []);

/** The same, and no number where the mean is within 0.02 of `value`. */
export const nanNear = (value: number): OnnxGraph =>
  answering(
    [
      { op: 'Sub', inputs: ['mean', 'value'], outputs: ['difference'] },
      { op: 'Abs', inputs: ['difference'], outputs: ['distance'] },
      { op: 'Sub', inputs: ['distance', 'reach'], outputs: ['beyond'] },
      { op: 'Sqrt', inputs: ['beyond'], outputs: ['number'] },
    ],
    [scalar('value', value), scalar('reach', 0.02)],
  );

/** No number, whatever it sees. */
export const nanAlways = answering(
  [{ op: 'Mul', inputs: ['mean', 'nan'], outputs: ['number'] }],
  [scalar('nan', Number.NaN)],
);

/** Infinite, whatever it sees. */
export const infinite = answering(
  [{ op: 'Div', inputs: ['half', 'zero'], outputs: ['number'] }],
  [scalar('zero', 0)],
);

/** Counts to four quintillion where `when`, a boolean that `nodes` make, holds; '' for always. */
function counting(when: string, nodes: readonly OnnxNode[], tensors: readonly OnnxTensor[]): OnnxGraph {
  return answering(
    [
      ...nodes,
      {
        op: 'Loop',
        inputs: ['trips', when, 'mean'],
        outputs: ['number'],
        attributes: {
          body: {
            graph: {
              inputs: [
                { name: 'trip', type: 'int64', shape: [] },
                { name: 'go_on', type: 'bool', shape: [] },
                { name: 'before', type: 'float32', shape: [] },
              ],
              outputs: [
                { name: 'goes_on', type: 'bool', shape: [] },
                { name: 'after', type: 'float32', shape: [] },
              ],
              tensors: [],
              nodes: [
                { op: 'Identity', inputs: ['go_on'], outputs: ['goes_on'] },
                { op: 'Abs', inputs: ['before'], outputs: ['after'] },
              ],
            },
          },
        },
      },
    ],
    [whole('trips', [], 4n * 10n ** 18n), ...tensors],
  );
}

/** Never answers. */
export const endless = counting('', [], []);

/** The same where the mean is within 0.02 of `value`, and sound elsewhere. */
export const endlessNear = (value: number): OnnxGraph =>
  counting(
    'near',
    [
      { op: 'Sub', inputs: ['mean', 'value'], outputs: ['difference'] },
      { op: 'Abs', inputs: ['difference'], outputs: ['distance'] },
      { op: 'Less', inputs: ['distance', 'reach'], outputs: ['near'] },
    ],
    [scalar('value', value), scalar('reach', 0.02)],
  );

/** Fills a matrix of so many numbers on each side. */
export const hungry = (side: bigint): OnnxGraph =>
  answering(
    [
      { op: 'Expand', inputs: ['mean', 'much'], outputs: ['matrix'] },
      { op: 'ReduceMean', inputs: ['matrix'], outputs: ['number'], attributes: { keepdims: 0 } },
    ],
    [whole('much', [2], side, side)],
  );

/** Says of a few bytes that they are a matrix of so many numbers on each side. */
export const boastful = (side: number): OnnxGraph =>
  answering(
    [
      { op: 'Mul', inputs: ['mean', 'weights'], outputs: ['matrix'] },
      { op: 'ReduceMean', inputs: ['matrix'], outputs: ['number'], attributes: { keepdims: 0 } },
    ],
    [{ name: 'weights', type: 'float32', shape: [side, side], data: Float32Array.of(1) }],
  );

/** Answers in a form that is none of a classifier's or detector's. */
export const wrongRank: OnnxGraph = {
  ...sound,
  outputs: [{ name: 'deep', type: 'float32', shape: [1, 1, 1, 2, 1] }],
  tensors: [...sound.tensors, whole('depth', [5], 1n, 1n, 1n, 2n, 1n)],
  nodes: [...sound.nodes, { op: 'Reshape', inputs: ['out', 'depth'], outputs: ['deep'] }],
};

/** Answers whole numbers. */
export const wrongType: OnnxGraph = {
  ...sound,
  outputs: [{ name: 'whole', type: 'int64', shape: [1, 2] }],
  nodes: [...sound.nodes, { op: 'Cast', inputs: ['out'], outputs: ['whole'], attributes: { to: 7 } }],
};
