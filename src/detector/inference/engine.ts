// One ONNX Runtime session: numbers in, numbers out. The only importer of onnxruntime-node. It runs in a thread of its own
// (inference-worker.ts), because `create` and `run` hold the thread that calls them.
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { StartupError } from '../../errors.js';
import { fromHalves } from '../images/half-float.js';
import type { TensorForm, TensorData } from '../images/input-tensor.js';
import type { TensorInfo } from '../models/refusal.js';
import type { Runtime } from './runtime.js';

/** An output after a run; `data` is null where it is neither float32 nor float16. */
export interface EngineOutput {
  readonly name: string;
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: Float32Array | null;
}

export class Engine {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly #session: InferenceSession;

  private constructor(session: InferenceSession) {
    this.#session = session;
    this.inputs = session.inputMetadata.map(infoOf);
    this.outputs = session.outputMetadata.map(infoOf);
  }

  /** `key`: where the configuration names the model. Throws StartupError. */
  static async load(bytes: Uint8Array, name: string, key: string, runtime: Runtime): Promise<Engine> {
    try {
      return new Engine(
        await InferenceSession.create(bytes, {
          executionProviders: ['cpu'],
          intraOpNumThreads: runtime.threads,
          interOpNumThreads: 1,
          executionMode: 'sequential',
          enableCpuMemArena: runtime.memoryArena,
          graphOptimizationLevel: 'all',
          logSeverityLevel: 3,
        }),
      );
    } catch (cause) {
      const reason = (cause instanceof Error ? cause.message : String(cause)).split('\n')[0] ?? '';
      throw new StartupError(
        `the model ${name} cannot be loaded: ${reason}`,
        `set ${key} to a whole ONNX file`,
        {
          cause,
        },
      );
    }
  }

  /** Runs once; all outputs, in the order of the model. */
  async run(
    input: string,
    type: TensorForm['dtype'],
    data: TensorData,
    dims: readonly number[],
  ): Promise<readonly EngineOutput[]> {
    const results = await this.#session.run({ [input]: new Tensor(type, data, dims) });
    return this.outputs.flatMap(({ name }) => {
      const tensor = results[name];
      if (tensor === undefined) return [];
      return [{ name, type: tensor.type, dims: tensor.dims, data: asFloats(tensor) }];
    });
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

function infoOf(value: InferenceSession.ValueMetadata): TensorInfo {
  return value.isTensor
    ? { name: value.name, type: value.type, shape: value.shape }
    : { name: value.name, type: 'no tensor', shape: [] };
}

/** Float16 comes in bits, or, where JavaScript has it, in an array of its own. */
function asFloats({ type, data }: Tensor): Float32Array | null {
  if (data instanceof Float32Array) return data;
  if (type !== 'float16' || !ArrayBuffer.isView(data)) return null;
  return fromHalves(new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2));
}
