// Pixels → the numbers that a network takes: normalised, in its element type, layout and order of channels. A table a
// channel says what each of the 256 values becomes, and one array is used for all pictures: 2 ms at 640 × 640.
import { toHalf } from './half-float.js';
import type { Size } from './frame.js';

/** How a network takes its numbers. */
export interface TensorForm extends Size {
  readonly dtype: 'uint8' | 'float32' | 'float16';
  /** nchw: a plane a channel; nhwc: the channels of a pixel side by side. */
  readonly layout: 'nchw' | 'nhwc';
  readonly channelOrder: 'rgb' | 'bgr';
  /** (value / 255 − mean) / std for red, green, blue. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** float16 in bits. */
export type TensorData = Uint8Array | Float32Array | Uint16Array;

export class InputTensor {
  readonly dims: readonly [number, number, number, number];
  readonly #isPixels: boolean;
  readonly #tables: readonly [TensorData, TensorData, TensorData];
  readonly #data: TensorData;
  /** Where the first red, green and blue go, and how far the next ones are. */
  readonly #starts: readonly [number, number, number];
  readonly #step: number;

  constructor(form: TensorForm) {
    const { width, height } = form;
    const area = width * height;
    const isPlanes = form.layout === 'nchw';
    this.dims = isPlanes ? [1, 3, height, width] : [1, height, width, 3];
    this.#isPixels = form.dtype === 'uint8' && !isPlanes && form.channelOrder === 'rgb';
    this.#tables = [tableOf(form, 0), tableOf(form, 1), tableOf(form, 2)];
    this.#data = arrayOf(form.dtype, this.#isPixels ? 0 : 3 * area);
    const distance = isPlanes ? area : 1;
    this.#starts = form.channelOrder === 'rgb' ? [0, distance, 2 * distance] : [2 * distance, distance, 0];
    this.#step = isPlanes ? 1 : 3;
  }

  /** `pixels`: uint8 [height, width, 3], RGB. The array that is returned holds until the next call. */
  of(pixels: Uint8Array): TensorData {
    if (this.#isPixels) return pixels;
    fill(this.#data, pixels, this.#tables, this.#starts, this.#step);
    return this.#data;
  }
}

function fill(
  data: TensorData,
  pixels: Uint8Array,
  [red, green, blue]: readonly [TensorData, TensorData, TensorData],
  [redStart, greenStart, blueStart]: readonly [number, number, number],
  step: number,
): void {
  for (let at = 0, to = 0; at < pixels.length; at += 3, to += step) {
    data[redStart + to] = red[pixels[at] ?? 0] ?? 0;
    data[greenStart + to] = green[pixels[at + 1] ?? 0] ?? 0;
    data[blueStart + to] = blue[pixels[at + 2] ?? 0] ?? 0;
  }
}

function tableOf(form: TensorForm, channel: 0 | 1 | 2): TensorData {
  const table = arrayOf(form.dtype, 256);
  for (let value = 0; value < 256; value++) {
    const normalised = (value / 255 - form.mean[channel]) / form.std[channel];
    if (form.dtype === 'uint8') table[value] = value;
    else table[value] = form.dtype === 'float16' ? toHalf(Math.fround(normalised)) : normalised;
  }
  return table;
}

function arrayOf(dtype: TensorForm['dtype'], length: number): TensorData {
  switch (dtype) {
    case 'uint8':
      return new Uint8Array(length);
    case 'float32':
      return new Float32Array(length);
    case 'float16':
      return new Uint16Array(length);
    default:
      return dtype satisfies never;
  }
}
