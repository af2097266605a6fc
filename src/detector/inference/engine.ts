// One ONNX Runtime session: pixels in, detections out. The only importer of onnxruntime-node. It runs in a
// thread of its own (inference-worker.ts), because `create` and `run` hold the thread that calls them.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { StartupError } from '../../errors.js';
import type { ModelFile, ModelSpec } from '../models/model-spec.js';
import { detect, type Candidate } from './yolo.js';

/** A model that serves: everything that was open in its spec is known. */
export interface Model extends ModelSpec {
  readonly classes: readonly string[];
  readonly imgSize: number;
}

type Layout = 'uint8 nhwc' | 'float32 nchw';

export class Engine {
  readonly model: Model;
  readonly #session: InferenceSession;
  readonly #inputName: string;
  readonly #outputName: string;
  readonly #layout: Layout;
  /** Reused for every image: float32 [3, imgSize, imgSize]. */
  readonly #planes: Float32Array;

  private constructor(session: InferenceSession, model: Model, input: InputForm, outputName: string) {
    this.model = model;
    this.#session = session;
    this.#inputName = input.name;
    this.#layout = input.layout;
    this.#outputName = outputName;
    this.#planes = new Float32Array(input.layout === 'float32 nchw' ? 3 * model.imgSize ** 2 : 0);
  }

  /** Loads a model and runs it once. Throws StartupError that says what was found and what would do. */
  static async load({ bytes, spec }: ModelFile): Promise<Engine> {
    const session = await createSession(bytes, spec.name);
    const input = inputForm(session, spec);
    const outputName = session.outputNames[0] ?? '';
    const probe = new Engine(session, { ...spec, classes: [], imgSize: input.size }, input, outputName);
    const output = await probe.#run(new Uint8Array(3 * input.size ** 2).fill(spec.letterboxFill));
    const classes = checkedClasses(output.dims, spec);
    return new Engine(session, { ...spec, classes, imgSize: input.size }, input, outputName);
  }

  /** `pixels`: uint8 [imgSize, imgSize, 3], RGB. Boxes in pixels of the input, best first. */
  async infer(pixels: Uint8Array): Promise<readonly Candidate[]> {
    const output = await this.#run(pixels);
    return detect(output.data, this.model.classes.length, {
      confidenceThreshold: this.model.confidenceThreshold,
      iouThreshold: this.model.iouThreshold,
      acrossClasses: this.model.suppressAcrossClasses,
    });
  }

  async release(): Promise<void> {
    await this.#session.release();
  }

  async #run(pixels: Uint8Array): Promise<{ data: Float32Array; dims: readonly number[] }> {
    const outputs = await this.#session.run({ [this.#inputName]: this.#tensor(pixels) });
    const output = outputs[this.#outputName];
    if (!(output?.data instanceof Float32Array)) {
      throw unfit(this.model.name, `its output is ${output?.type ?? 'missing'}`, 'a float32 output');
    }
    return { data: output.data, dims: output.dims };
  }

  #tensor(pixels: Uint8Array): Tensor {
    const side = this.model.imgSize;
    if (this.#layout === 'uint8 nhwc') return new Tensor('uint8', pixels, [1, side, side, 3]);
    toPlanes(pixels, this.#planes);
    return new Tensor('float32', this.#planes, [1, 3, side, side]);
  }
}

/** uint8 [side, side, 3] → float32 [3, side, side], 0 to 1. */
function toPlanes(pixels: Uint8Array, planes: Float32Array): void {
  const area = pixels.length / 3;
  for (let pixel = 0, at = 0; pixel < area; pixel++, at += 3) {
    planes[pixel] = (pixels[at] ?? 0) / 255;
    planes[pixel + area] = (pixels[at + 1] ?? 0) / 255;
    planes[pixel + 2 * area] = (pixels[at + 2] ?? 0) / 255;
  }
}

async function createSession(bytes: Uint8Array, name: string): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(bytes, {
      executionProviders: ['cpu'],
      // One thread a worker and a worker a core: more threads would only take them from each other.
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    });
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0] ?? '';
    throw new StartupError(
      `the model ${name} cannot be loaded: ${reason}`,
      'set model.model_path to a whole ONNX file',
      {
        cause,
      },
    );
  }
}

interface InputForm {
  readonly name: string;
  readonly layout: Layout;
  readonly size: number;
}

function inputForm(session: InferenceSession, spec: ModelSpec): InputForm {
  const input = session.inputMetadata[0];
  if (session.inputMetadata.length !== 1 || !input?.isTensor) {
    throw unfit(spec.name, `it has ${session.inputMetadata.length} inputs`, 'one image input');
  }
  const shape = input.shape;
  const found = `its input is ${input.type} [${shape.join(', ')}]`;
  const wanted = 'uint8 [1, size, size, 3] or float32 [1, 3, size, size]';
  const sides =
    input.type === 'uint8' && shape.length === 4 && shape[3] === 3
      ? { layout: 'uint8 nhwc' as const, height: shape[1], width: shape[2] }
      : input.type === 'float32' && shape.length === 4 && shape[1] === 3
        ? { layout: 'float32 nchw' as const, height: shape[2], width: shape[3] }
        : null;
  if (sides === null || (typeof shape[0] === 'number' && shape[0] > 1)) throw unfit(spec.name, found, wanted);
  const fixed = [sides.height, sides.width]
    .filter((side) => typeof side === 'number')
    .filter((side) => side > 0);
  const size = fixed[0] ?? spec.imgSize ?? 640;
  if (fixed.some((side) => side !== size)) throw unfit(spec.name, found, 'a square input');
  if (spec.imgSize !== null && spec.imgSize !== size) {
    throw new StartupError(
      `the model ${spec.name} takes images of ${size} pixels, not of ${spec.imgSize}`,
      `set model.img_size to ${size} or leave it null`,
    );
  }
  const { dtype, layout } = spec.input;
  if (sides.layout !== `${dtype ?? input.type} ${layout ?? sides.layout.split(' ')[1]}`) {
    throw new StartupError(
      `the model ${spec.name} takes ${sides.layout}, but its .yaml file says ${[dtype, layout].filter(Boolean).join(' ')}`,
      'correct input.dtype and input.layout in the .yaml file beside the model, or leave them out',
    );
  }
  return { name: input.name, layout: sides.layout, size };
}

function checkedClasses(dims: readonly number[], spec: ModelSpec): readonly string[] {
  const found = `its output is [${dims.join(', ')}]`;
  const rows = dims[1];
  const candidates = dims[2];
  if (dims.length !== 3 || dims[0] !== 1 || rows === undefined || candidates === undefined || rows < 5) {
    throw unfit(spec.name, found, 'the YOLO v8 form [1, 4 + classes, candidates]');
  }
  if (spec.classes === null) {
    throw new StartupError(
      `the model ${spec.name} does not say what its ${rows - 4} classes are`,
      'list their names in order under model.classes, or in a .yaml file of the same name beside the model',
    );
  }
  if (spec.classes.length !== rows - 4) {
    throw new StartupError(
      `the model ${spec.name} has ${rows - 4} classes, but ${spec.classes.length} names are given (${spec.classes.join(', ')})`,
      'correct model.classes, or the .yaml file beside the model',
    );
  }
  return spec.classes;
}

function unfit(name: string, found: string, wanted: string): StartupError {
  return new StartupError(`the model ${name} does not fit: ${found}`, `use a model with ${wanted}`);
}
