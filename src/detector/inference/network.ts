// A model that is loaded, understood and has run once: framed pictures in, its one output out. What it says is read by
// detector.ts and classifier.ts.
import { InternalError, StartupError } from '../../errors.js';
import type { FramedPicture, Framing } from '../images/frame.js';
import { InputTensor, type TensorForm } from '../images/input-tensor.js';
import { inputFormOf, preprocessingOf, type InputForm } from '../models/input-form.js';
import { recognise, type OutputInfo, type Reading, type Recognised } from '../models/model-kind.js';
import type { ModelFile, ModelSpec } from '../models/model-spec.js';
import { readAs } from '../models/model-words.js';
import { listed, type Found } from '../models/refusal.js';
import { Engine } from './engine.js';
import { holdsDetections, type OutputData } from './outputs/boxes.js';
import { isAllNumbers } from './outputs/numbers.js';
import type { Runtime } from './runtime.js';

/** What the network is for. */
export interface Purpose {
  /** Where the configuration names it. */
  readonly key: 'model.model_path' | 'model.preprocessor_path';
  /** Whether its classes are verdicts, which need names. */
  readonly needsNames: boolean;
  /** How its pictures are scaled where nobody says it; left out: as is usual for its kind. */
  readonly interpolation?: Framing['interpolation'];
}

export class Network {
  readonly spec: ModelSpec;
  readonly reading: Reading;
  readonly framing: Framing;
  /** How it was read, for the log. */
  readonly description: string;
  readonly #engine: Engine;
  readonly #inputName: string;
  readonly #form: TensorForm;
  readonly #tensor: InputTensor;

  private constructor(
    engine: Engine,
    spec: ModelSpec,
    input: InputForm,
    reading: Recognised,
    interpolation?: Framing['interpolation'],
  ) {
    this.spec = spec;
    this.reading = reading;
    const preprocessing = preprocessingOf(reading.kind, input, spec, interpolation);
    this.framing = preprocessing;
    this.description = readAs(spec, reading, input, preprocessing);
    this.#form = preprocessing;
    this.#engine = engine;
    this.#inputName = input.name;
    this.#tensor = new InputTensor(preprocessing);
  }

  /** Loads a model and runs it once. Throws StartupError that says what was found and what would do. */
  static async load(
    { bytes, spec }: ModelFile,
    { key, needsNames, interpolation }: Purpose,
    runtime: Runtime,
  ): Promise<Network> {
    const engine = await Engine.load(bytes, spec.name, key, runtime);
    const found: Found = {
      name: spec.name,
      inputs: engine.inputs,
      outputs: engine.outputs,
      classes: spec.classes,
    };
    const input = inputFormOf(found, spec);
    const outputs = await probe(engine, input, spec);
    const reading = recognise(outputs, input, spec, { ...found, outputs }, needsNames);
    if (reading.kind === 'classifier' && input.isSizeGuessed) {
      throw new StartupError(
        `the model ${spec.name} takes images of any size and does not say which it was trained with`,
        'set model.img_size, or img_size in the .yaml file beside the model',
      );
    }
    return new Network(engine, spec, input, reading, interpolation);
  }

  /** Shows it a picture that is framed as `framing` says. Throws InternalError where the answer is no good. */
  async look(picture: Pick<FramedPicture, 'pixels'>): Promise<OutputData> {
    const output = await this.#answerTo(picture.pixels);
    // One wrong number shows that the others cannot be trusted: an overflow spoils more than it touches.
    if (isAllNumbers(output)) return output;
    throw new InternalError({
      cause: new Error(`the model ${this.spec.name} answered with something that is no number`),
    });
  }

  /** The answer to a picture before anything is served. Throws StartupError where it is no good. */
  async tryOut(pixels: Uint8Array): Promise<OutputData> {
    let output: OutputData;
    try {
      output = await this.#answerTo(pixels);
    } catch (error) {
      if (!(error instanceof InternalError) || !(error.cause instanceof Error)) throw error;
      throw new StartupError(
        error.cause.message,
        'export it with outputs of fixed form, float32 or float16 (docs/models.md)',
        { cause: error },
      );
    }
    if (isAllNumbers(output)) return output;
    throw new StartupError(
      `the model ${this.spec.name} answers a grey picture with something that is no number`,
      'a float16 export may overflow: export it as float32',
    );
  }

  async #answerTo(pixels: Uint8Array): Promise<OutputData> {
    const { name, shape } = this.reading.output;
    const outputs = await this.#engine.run(
      this.#inputName,
      this.#form.dtype,
      this.#tensor.of(pixels),
      this.#tensor.dims,
    );
    const output = outputs.find((one) => one.name === name);
    // Networks that drop overlapping boxes themselves may tell of as many as there are.
    const isRight = shape.every(
      (side, axis) => output?.dims[axis] === side || (this.reading.kind === 'end-to-end' && axis === 1),
    );
    if (output === undefined || output.data === null || output.dims.length !== shape.length || !isRight) {
      const got = output === undefined ? 'nothing' : listed([{ ...output, shape: output.dims }]);
      throw new InternalError({
        cause: new Error(`the model ${this.spec.name} answered ${got} in place of [${shape.join(', ')}]`),
      });
    }
    return { data: output.data, dims: output.dims };
  }

  async release(): Promise<void> {
    await this.#engine.release();
  }
}

/** What the outputs are for an empty picture: only a run tells the size of open dimensions. */
async function probe(engine: Engine, input: InputForm, spec: ModelSpec): Promise<readonly OutputInfo[]> {
  const tensor = new InputTensor({ ...input, channelOrder: 'rgb', mean: [0, 0, 0], std: [1, 1, 1] });
  const grey = new Uint8Array(3 * input.width * input.height).fill(114);
  try {
    const outputs = await engine.run(input.name, input.dtype, tensor.of(grey), tensor.dims);
    return outputs.map(({ name, type, dims, data }) => {
      const isRowsOfSix = dims.length === 3 && dims[2] === 6 && data !== null;
      const seen = isRowsOfSix ? { holdsDetections: holdsDetections({ data, dims }) } : {};
      return { name, type, shape: dims, ...seen };
    });
  } catch (cause) {
    const reason = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0] ?? '';
    throw new StartupError(
      `the model ${spec.name} fails on an empty picture of ${input.width} × ${input.height} pixels: ${reason}`,
      'set model.img_size to the size that it was exported for (detectors want a multiple of 32), or export it again',
      { cause },
    );
  }
}
