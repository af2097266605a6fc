// The event loop's side of the inference thread: starts it, hands it images, matches answers to them.
import { Worker, setEnvironmentData } from 'node:worker_threads';
import { StartupError } from '../../errors.js';
import { giveMemoryBack, transferOf } from '../../image-memory.js';
import { formatsAreSet } from '../images/formats-are-set.js';
import type { Model } from '../models/model-spec.js';
import type { ThreadAnswer } from './thread-answer.js';
import {
  readTimeoutMs,
  type FromThread,
  type ImageSource,
  type ThreadOptions,
  type ToThread,
} from './thread-messages.js';
import { comeForward } from './thread-priority.js';
import { Watchdog } from './watchdog.js';

/**
 * So long a model is loaded behind the images; then it has its turn among them. Where the machine has other work, too, what
 * stands behind everybody would get nothing, and a change would take minutes.
 */
const behindMs = 1_000;

export class InferenceThread {
  readonly model: Model;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (answer: ThreadAnswer) => void>();
  readonly #watchdog: Watchdog;
  #lastId = 0;
  #closing = false;

  private constructor(worker: Worker, model: Model, options: ThreadOptions) {
    this.#worker = worker;
    this.model = model;
    // Reading and decoding have limits of their own, below that of a request; an inference has none but this.
    const stuckMs = 2 * options.decodeTimeoutMs + readTimeoutMs;
    this.#watchdog = new Watchdog(
      stuckMs,
      () => this.#waiting.size > 0,
      () => {
        throw new Error(
          `the model ${model.name} has judged an image for more than ${stuckMs} ms; only the end of this worker ends that. ` +
            'Change to another model (0x26), or keep such images from it',
        );
      },
    );
    worker.on('message', (message: FromThread) => {
      this.#receive(message);
    });
    // A thread that ends unasked takes the process with it, and the primary forks a sound one.
    worker.on('error', (error) => {
      throw error;
    });
    worker.on('exit', (code) => {
      if (!this.#closing) throw new Error(`the inference thread ended with exit code ${code}`);
    });
  }

  /**
   * Resolves when the model is loaded and has run once. Throws StartupError where it cannot serve.
   * A thread that dies later is a fault of ours: the error is thrown in this process, which must end.
   */
  static async start(options: ThreadOptions): Promise<InferenceThread> {
    // ONNX Runtime would report to its maker and leave files in the home folder. It reads the environment of the
    // process, so this has to stand before the thread loads it.
    process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
    const worker = new Worker(new URL('./inference-entry.js', import.meta.url), {
      workerData: options,
      argv: [options.niceness, options.runtime.threads - 1],
    });
    const first = await firstMessage(worker);
    if (first.type === 'failed') throw new StartupError(first.problem, first.cure);
    if (first.type !== 'loaded') throw new Error(`the inference thread began with ${first.type}`);
    // What the first thread of the process has set counts for all; the next one finds that it is set.
    setEnvironmentData(formatsAreSet, true);
    return new InferenceThread(worker, first.model, options);
  }

  /** How many images are with the thread: being decoded, inferred, or waiting for their turn there. */
  get outstanding(): number {
    return this.#waiting.size;
  }

  /** Judges one image. Attached bytes are the thread's until the answer, and then nobody's: the caller has no part in them. */
  judge(source: ImageSource): Promise<ThreadAnswer> {
    const id = ++this.#lastId;
    const message: ToThread = { type: 'image', id, source };
    this.#worker.postMessage(message, source.type === 'bytes' ? transferOf(source.bytes) : []);
    return new Promise((resolve) => {
      this.#waiting.set(id, (answer) => {
        if (source.type === 'bytes') giveMemoryBack(source.bytes);
        resolve(answer);
      });
    });
  }

  /**
   * Ends the thread after the images it has. It must end by itself: stopping a thread inside ONNX Runtime
   * aborts the whole process.
   */
  async close(): Promise<void> {
    this.#closing = true;
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve));
    const message: ToThread = { type: 'close' };
    this.#worker.postMessage(message);
    await ended;
    this.#watchdog.stop();
  }

  #receive(message: FromThread): void {
    if (message.type !== 'answer') return;
    this.#watchdog.calm();
    const settle = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    settle?.(message.answer);
  }
}

/** What the thread says when it has loaded, or could not; rejects where it ends without a word. */
function firstMessage(worker: Worker): Promise<FromThread> {
  return new Promise((resolve, reject) => {
    let behind: NodeJS.Timeout | undefined;
    const take = (message: FromThread) => {
      if (message.type === 'loading') {
        behind = setTimeout(comeForward, behindMs, message);
        return;
      }
      unlisten();
      resolve(message);
    };
    const fail = (error: Error) => {
      unlisten();
      reject(error);
    };
    const end = (code: number) => {
      fail(new Error(`the inference thread ended with exit code ${code} before it had a model`));
    };
    const unlisten = () => {
      clearTimeout(behind);
      worker.off('message', take).off('error', fail).off('exit', end);
    };
    worker.on('message', take).on('error', fail).on('exit', end);
  });
}
