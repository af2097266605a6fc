// What the hardware can do: photos from files to verdicts with sharp and ONNX Runtime alone, without a network or any of
// the detector's code, as fast as one process can. The server is measured against as many of these as there are cores.
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import sharp from 'sharp';
import { bareOrderSchema, type BareModel, type BareResult } from './bare-messages.js';
import { serveOrders } from './helper.js';

// Cores are shared out by process, and each image is seen once.
sharp.concurrency(1);
sharp.cache(false);

let pipeline: Pipeline | null = null;

serveOrders(bareOrderSchema, async (order) => {
  switch (order.type) {
    case 'load':
      pipeline = await Pipeline.load(order);
      return {};
    case 'run':
      if (pipeline === null) throw new Error('no model is loaded');
      return pipeline.run(order.seconds);
    default:
      return order satisfies never;
  }
});

class Pipeline {
  readonly #session: InferenceSession;
  readonly #model: BareModel;
  readonly #inputName: string;
  /** Side of the square input in pixels. */
  readonly #side: number;
  /** Reused for every image; null: the network takes bytes as they are decoded. */
  readonly #planes: Float32Array | null;
  #next = 0;

  private constructor(session: InferenceSession, model: BareModel) {
    const [input] = session.inputMetadata;
    if (!input?.isTensor) throw new Error('the model takes no image');
    const isBytes = input.type === 'uint8' && input.shape[3] === 3;
    const side = isBytes ? input.shape[1] : input.shape[2];
    if (
      (!isBytes && (input.type !== 'float32' || input.shape[1] !== 3)) ||
      typeof side !== 'number' ||
      side < 1
    ) {
      throw new Error(
        `the bare pipeline knows no input of the form ${input.type} [${input.shape.join(', ')}]`,
      );
    }
    this.#session = session;
    this.#model = model;
    this.#inputName = input.name;
    this.#side = side;
    this.#planes = isBytes ? null : new Float32Array(3 * side * side);
  }

  static async load(model: BareModel): Promise<Pipeline> {
    const session = await InferenceSession.create(model.modelPath, {
      executionProviders: ['cpu'],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    });
    const loaded = new Pipeline(session, model);
    await loaded.run(0);
    return loaded;
  }

  /** Judges one photo after the other until `seconds` have passed, and at least one. */
  async run(seconds: number): Promise<BareResult> {
    const verdicts: Record<string, number> = {};
    const cpuBefore = process.cpuUsage();
    const start = performance.now();
    let images = 0;
    let name = this.#nextName();
    let decoded = this.#decode(name);
    for (let last = false; !last;) {
      const pixels = await decoded;
      const judged = name;
      last = performance.now() - start >= seconds * 1000;
      if (!last) {
        name = this.#nextName();
        // In libvips' own thread, while this one infers.
        decoded = this.#decode(name);
      }
      verdicts[judged] = await this.#judge(pixels);
      images++;
    }
    const elapsedMs = performance.now() - start;
    const { user, system } = process.cpuUsage(cpuBefore);
    return { images, seconds: elapsedMs / 1000, cpuMs: (user + system) / 1000, verdicts };
  }

  #nextName(): string {
    const { photos } = this.#model;
    return photos[this.#next++ % photos.length] ?? '';
  }

  /** uint8 [side, side, 3], letterboxed; the decoder itself scales to the nearest of its sizes (shrink-on-load). */
  async #decode(name: string): Promise<Buffer> {
    const side = this.#side;
    const { folder, letterboxFill: grey, copies } = this.#model;
    const image = sharp(join(folder, name)).raw();
    const background = { r: grey, g: grey, b: grey };
    if (!copies) return image.resize(side, side, { fit: 'contain', kernel: 'cubic', background }).toBuffer();
    const scaled = image.resize(side, side, { fit: 'inside', kernel: 'cubic' });
    const { data, info } = await scaled.toBuffer({ resolveWithObject: true });
    if (info.width !== side) throw new Error(`${name} is no photo in landscape format`);
    const start = 3 * side * Math.floor((side - info.height) / 2);
    const canvas = Buffer.allocUnsafeSlow(3 * side * side);
    canvas.fill(grey, 0, start).set(data, start);
    return canvas.fill(grey, start + data.length);
  }

  async #judge(pixels: Buffer): Promise<number> {
    const outputs = await this.#session.run({ [this.#inputName]: this.#tensor(pixels) });
    const output = outputs[this.#session.outputNames[0] ?? ''];
    if (!(output?.data instanceof Float32Array)) throw new Error('the output of the model is not float32');
    const [, rows = 0, candidates = 0] = output.dims;
    if (output.dims.length !== 3 || rows < 5 || candidates < rows) {
      throw new Error(`the bare pipeline knows no output of the form [${output.dims.join(', ')}]`);
    }
    return best(output.data, rows, candidates, this.#model.confidenceThreshold);
  }

  #tensor(pixels: Buffer): Tensor {
    const side = this.#side;
    const planes = this.#planes;
    if (planes === null) return new Tensor('uint8', pixels, [1, side, side, 3]);
    const area = side * side;
    for (let pixel = 0, at = 0; pixel < area; pixel++, at += 3) {
      planes[pixel] = (pixels[at] ?? 0) / 255;
      planes[pixel + area] = (pixels[at + 1] ?? 0) / 255;
      planes[pixel + 2 * area] = (pixels[at + 2] ?? 0) / 255;
    }
    return new Tensor('float32', planes, [1, 3, side, side]);
  }
}

/** Class of the candidate with the highest score, -1 where none reaches the threshold. `output`: [rows, candidates]. */
function best(output: Float32Array, rows: number, candidates: number, threshold: number): number {
  let found = -1;
  let score = threshold;
  for (let row = 4; row < rows; row++) {
    for (let at = row * candidates; at < (row + 1) * candidates; at++) {
      const value = output[at] ?? 0;
      if (value < score) continue;
      score = value;
      found = row - 4;
    }
  }
  return found;
}
