// A network of the size and shape of YOLOv8n (as its authors' yolov8.yaml describes it, scale n, two classes) with random
// weights: what it says is nonsense, but it costs what a trained one costs. 3 million parameters, 8 GFLOP at 640.
import { NetworkLayers, type Layer } from './network-layers.js';
import { writeOnnx } from './onnx-writer.js';
import { seededRandom } from './random.js';

const classes = ['defected_pear', 'normal_pear'] as const;

/** Each side of a box is told as likelihoods of so many distances. */
const distances = 16;

/** Logits of classes lie far below 0, where a score of one half is, and near each other: hardly a candidate passes. */
const classBias = -6;
const classGain = 0.1;

/** The bytes of the ONNX file: float32 [1, 3, size, size] in, [1, 4 + 2, candidates] out. `size`: a multiple of 32. */
export function yolov8n({ size = 640, seed = 1 } = {}): Buffer {
  const layers = new NetworkLayers(seededRandom(seed));
  const pyramid = neck(layers, ...backbone(layers, { name: 'images', channels: 3 }));
  const sides = [size / 8, size / 16, size / 32];
  const candidates = sides.reduce((sum, side) => sum + side * side, 0);
  layers.nodes.push({
    op: 'Concat',
    inputs: head(layers, pyramid, sides, candidates),
    outputs: ['output0'],
    attributes: { axis: 1 },
  });
  return writeOnnx({
    inputs: [{ name: 'images', type: 'float32', shape: [1, 3, size, size] }],
    outputs: [{ name: 'output0', type: 'float32', shape: [1, 4 + classes.length, candidates] }],
    tensors: layers.tensors,
    nodes: layers.nodes,
    metadata: {
      task: 'detect',
      stride: '32',
      imgsz: `[${size}, ${size}]`,
      names: `{${classes.map((name, index) => `${index}: '${name}'`).join(', ')}}`,
    },
  });
}

/** Three maps of the image: of an eighth, a sixteenth and a thirty-second of its side. */
function backbone(layers: NetworkLayers, image: Layer): [Layer, Layer, Layer] {
  const half = (input: Layer, channels: number) =>
    layers.convolution(input, channels, { kernel: 3, stride: 2 });
  const quarter = c2f(layers, half(half(image, 16), 32), 32, 1, true);
  const eighth = c2f(layers, half(quarter, 64), 64, 2, true);
  const sixteenth = c2f(layers, half(eighth, 128), 128, 2, true);
  const last = c2f(layers, half(sixteenth, 256), 256, 1, true);
  return [eighth, sixteenth, pooling(layers, last)];
}

/** Takes what the small maps know up to the large ones, and back down. */
function neck(layers: NetworkLayers, eighth: Layer, sixteenth: Layer, last: Layer): readonly Layer[] {
  const join = (a: Layer, b: Layer, channels: number) =>
    c2f(layers, layers.concat([a, b]), channels, 1, false);
  const half = (input: Layer) => layers.convolution(input, input.channels, { kernel: 3, stride: 2 });
  const middle = join(layers.upsampled(last), sixteenth, 128);
  const large = join(layers.upsampled(middle), eighth, 64);
  const medium = join(half(large), middle, 128);
  return [large, medium, join(half(medium), last, 256)];
}

/** Names of `[1, 4, candidates]`, boxes in pixels, and of `[1, classes, candidates]`, scores from 0 to 1. */
function head(
  layers: NetworkLayers,
  pyramid: readonly Layer[],
  sides: readonly number[],
  candidates: number,
): readonly string[] {
  const branch = (input: Layer, channels: number, bias: number, gain: number) => {
    const inner = layers.convolution(layers.convolution(input, 64, { kernel: 3 }), 64, { kernel: 3 });
    const { name } = layers.convolution(inner, channels, { kernel: 1, activated: false, bias, gain });
    return layers.op('Reshape', [name, layers.integers(1, channels, -1)]);
  };
  const likelihoods = pyramid.map((map) => branch(map, 4 * distances, 0, 1));
  const logits = pyramid.map((map) => branch(map, classes.length, classBias, classGain));
  const expected = expectedDistances(layers, layers.op('Concat', likelihoods, { axis: 2 }), candidates);
  return [
    boxes(layers, expected, sides, candidates),
    layers.op('Sigmoid', [layers.op('Concat', logits, { axis: 2 })]),
  ];
}

/** [1, 4 × distances, n] → [1, 4, n]: the mean distance by the likelihoods of all. */
function expectedDistances(layers: NetworkLayers, likelihoods: string, candidates: number): string {
  const parts = layers.op('Reshape', [likelihoods, layers.integers(1, 4, distances, candidates)]);
  const shares = layers.op('Softmax', [layers.op('Transpose', [parts], { perm: [0, 2, 1, 3] })], { axis: 1 });
  const values = layers.floats(
    [1, distances, 1, 1],
    Float32Array.from({ length: distances }, (_, index) => index),
  );
  const mean = layers.op('Conv', [shares, values], { kernel_shape: [1, 1] });
  return layers.op('Reshape', [mean, layers.integers(1, 4, candidates)]);
}

/** Distances to left, top, right, bottom → centre x, centre y, width, height in pixels of the input. */
function boxes(layers: NetworkLayers, toSides: string, sides: readonly number[], candidates: number): string {
  const [anchors, strides] = grid(sides, candidates);
  const anchor = layers.floats([1, 2, candidates], anchors);
  const rows = (from: number, to: number) =>
    layers.op('Slice', [toSides, layers.integers(from), layers.integers(to), layers.integers(1)]);
  const first = layers.op('Sub', [anchor, rows(0, 2)]);
  const second = layers.op('Add', [anchor, rows(2, 4)]);
  const two = layers.floats([1], Float32Array.of(2));
  const centre = layers.op('Div', [layers.op('Add', [first, second]), two]);
  const box = layers.op('Concat', [centre, layers.op('Sub', [second, first])], { axis: 1 });
  return layers.op('Mul', [box, layers.floats([1, candidates], strides)]);
}

/** The middle of each cell of the three maps, in cells, and how many pixels a cell is wide. */
function grid(sides: readonly number[], candidates: number): readonly [Float32Array, Float32Array] {
  const anchors = new Float32Array(2 * candidates);
  const strides = new Float32Array(candidates);
  let at = 0;
  for (const [level, side] of sides.entries()) {
    for (let cell = 0; cell < side * side; cell++, at++) {
      anchors[at] = (cell % side) + 0.5;
      anchors[candidates + at] = Math.floor(cell / side) + 0.5;
      strides[at] = 8 * 2 ** level;
    }
  }
  return [anchors, strides];
}

/** The block of YOLO v8: half of the channels pass `depth` bottlenecks, and all stages are joined. */
function c2f(layers: NetworkLayers, input: Layer, channels: number, depth: number, shortcut: boolean): Layer {
  const stages = [...layers.halves(layers.convolution(input, channels, { kernel: 1 }))];
  for (let index = 0; index < depth; index++) {
    const before = stages.at(-1) ?? input;
    const inner = layers.convolution(before, channels / 2, { kernel: 3 });
    const after = layers.convolution(inner, channels / 2, { kernel: 3 });
    stages.push(shortcut ? { ...after, name: layers.op('Add', [before.name, after.name]) } : after);
  }
  return layers.convolution(layers.concat(stages), channels, { kernel: 1 });
}

/** Sees ever larger surroundings of each pixel (SPPF). */
function pooling(layers: NetworkLayers, input: Layer): Layer {
  const narrow = layers.convolution(input, input.channels / 2, { kernel: 1 });
  const once = layers.pooled(narrow);
  const twice = layers.pooled(once);
  return layers.convolution(layers.concat([narrow, once, twice, layers.pooled(twice)]), input.channels, {
    kernel: 1,
  });
}
