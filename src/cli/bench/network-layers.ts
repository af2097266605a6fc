// Layers of convolutional networks with random weights, collected into a graph for onnx-writer.ts. What YOLO v8 is
// made of and no more; which layers follow on which is said elsewhere.
import type { OnnxAttribute, OnnxNode, OnnxTensor } from './onnx-writer.js';
import type { Random } from './random.js';

/** The output of a layer: its name in the graph and its channels. */
export interface Layer {
  readonly name: string;
  readonly channels: number;
}

export interface ConvolutionOptions {
  readonly kernel: number;
  readonly stride?: number;
  /** SiLU behind it. */
  readonly activated?: boolean;
  /** Of every output channel. */
  readonly bias?: number;
  /** Deviation of the outputs where that of the inputs is 1. */
  readonly gain?: number;
}

/** Keeps the deviation of what flows through convolutions with SiLU near 1: E[silu(x)²] is 0.355 for normal x. */
const siluGain = 1 / Math.sqrt(0.355);

export class NetworkLayers {
  readonly nodes: OnnxNode[] = [];
  readonly tensors: OnnxTensor[] = [];
  readonly #random: Random;
  #count = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Weights and biases so far. */
  get parameters(): number {
    return this.tensors.reduce((sum, { type, data }) => sum + (type === 'float32' ? data.length : 0), 0);
  }

  /** Any operator with one output; returns the output's name. */
  op(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string {
    const name = this.#name(op);
    this.nodes.push({ op, inputs, outputs: [name], attributes });
    return name;
  }

  floats(shape: readonly number[], data: Float32Array): string {
    const name = this.#name('floats');
    this.tensors.push({ name, type: 'float32', shape, data });
    return name;
  }

  integers(...values: number[]): string {
    const name = this.#name('integers');
    this.tensors.push({
      name,
      type: 'int64',
      shape: [values.length],
      data: BigInt64Array.from(values, BigInt),
    });
    return name;
  }

  convolution(input: Layer, channels: number, options: ConvolutionOptions): Layer {
    const { kernel, stride = 1, activated = true, bias = 0, gain = siluGain } = options;
    const inputs = input.channels * kernel * kernel;
    // Uniform, with the deviation gain / √inputs.
    const range = gain * Math.sqrt(3 / inputs);
    const weights = Float32Array.from({ length: channels * inputs }, () => (2 * this.#random() - 1) * range);
    const name = this.op(
      'Conv',
      [
        input.name,
        this.floats([channels, input.channels, kernel, kernel], weights),
        this.floats([channels], new Float32Array(channels).fill(bias)),
      ],
      {
        kernel_shape: [kernel, kernel],
        strides: [stride, stride],
        pads: Array<number>(4).fill(Math.floor(kernel / 2)),
      },
    );
    return { name: activated ? this.op('Mul', [name, this.op('Sigmoid', [name])]) : name, channels };
  }

  concat(layers: readonly Layer[]): Layer {
    return {
      name: this.op(
        'Concat',
        layers.map(({ name }) => name),
        { axis: 1 },
      ),
      channels: layers.reduce((sum, { channels }) => sum + channels, 0),
    };
  }

  /** Two halves of the channels. */
  halves({ name, channels }: Layer): readonly [Layer, Layer] {
    const outputs = [this.#name('Split'), this.#name('Split')] as const;
    this.nodes.push({ op: 'Split', inputs: [name], outputs, attributes: { axis: 1 } });
    return [
      { name: outputs[0], channels: channels / 2 },
      { name: outputs[1], channels: channels / 2 },
    ];
  }

  /** Twice as high and wide, each pixel four times. */
  upsampled({ name, channels }: Layer): Layer {
    const scales = this.floats([4], Float32Array.of(1, 1, 2, 2));
    return {
      name: this.op('Resize', [name, '', scales], {
        mode: 'nearest',
        nearest_mode: 'floor',
        coordinate_transformation_mode: 'asymmetric',
      }),
      channels,
    };
  }

  /** The largest of 5 × 5 pixels around each. */
  pooled({ name, channels }: Layer): Layer {
    return {
      name: this.op('MaxPool', [name], { kernel_shape: [5, 5], pads: [2, 2, 2, 2], strides: [1, 1] }),
      channels,
    };
  }

  #name(op: string): string {
    return `${op.toLowerCase()}_${++this.#count}`;
  }
}
