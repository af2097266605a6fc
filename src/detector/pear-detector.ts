// Photos in, verdicts out: gives peers turns image by image and keeps the inference thread fed, no more than it
// needs. It knows no protocol.
import { performance } from 'node:perf_hooks';
import { CancelledError, InternalError, WireError, errorCodes, wireErrorOf } from '../errors.js';
import { Batch, type Outcome, type Slot } from './queue/batch.js';
import type { Model } from './models/model-spec.js';
import { FairQueue } from './queue/fair-queue.js';
import { InferenceThread, type ThreadAnswer } from './inference/inference-thread.js';
import type { ImageSource, ThreadOptions } from './inference/thread-messages.js';

export interface DetectorOptions {
  readonly thread: ThreadOptions;
  /** Told of each fault of our own, for the log; bad images are the client's business. */
  readonly onFault: (reason: string) => void;
}

/** One image is inferred while the next one is decoded; more would only make 0x03 and fairness slower. */
const outstandingMax = 2;

export class PearDetector {
  readonly #thread: InferenceThread;
  readonly #options: DetectorOptions;
  readonly #queue = new FairQueue<object, Slot>();
  /** Owners of images that are stopped and still in the queue. */
  readonly #sweeps = new Set<object>();

  private constructor(thread: InferenceThread, options: DetectorOptions) {
    this.#thread = thread;
    this.#options = options;
  }

  /** Resolves when the model has run once. Throws StartupError where it cannot serve. */
  static async start(options: DetectorOptions): Promise<PearDetector> {
    return new PearDetector(await InferenceThread.start(options.thread), options);
  }

  get model(): Model {
    return this.#thread.model;
  }

  /** Images that wait for their turn. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Images that are being decoded or inferred. */
  get inFlight(): number {
    return this.#thread.outstanding;
  }

  /**
   * Opens a batch of `count` images of `owner`, between whom and other owners turns are taken. Aborting `signal`
   * with a WireError stops the batch (see Batch.stop).
   */
  submit(owner: object, count: number, signal: AbortSignal): Batch {
    const batch = new Batch(count, (slot, source) => {
      slot.queue(source, performance.now());
      this.#queue.push(owner, slot);
      this.#feed();
    });
    const stop = () => {
      const reason: unknown = signal.reason;
      batch.stop(reason instanceof WireError ? reason : new CancelledError('cancelled'));
      this.#sweepSoon(owner);
    };
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    return batch;
  }

  /** Ends the thread after the images it has; what waits is dropped. */
  async close(): Promise<void> {
    await this.#thread.close();
  }

  /** Takes what is stopped out of the queue, once for all that is stopped together. */
  #sweepSoon(owner: object): void {
    if (this.#sweeps.has(owner)) return;
    this.#sweeps.add(owner);
    setImmediate(() => {
      this.#sweeps.delete(owner);
      this.#queue.remove(owner, (slot) => slot.state === 'done');
    });
  }

  #feed(): void {
    while (this.#thread.outstanding < outstandingMax) {
      const slot = this.#queue.take();
      if (slot === undefined) return;
      const source = slot.start();
      if (source !== null) void this.#judge(slot, source);
    }
  }

  async #judge(slot: Slot, source: ImageSource): Promise<void> {
    const startedAt = performance.now();
    const answer = await this.#thread.judge(source);
    slot.settle(this.#outcome(answer, slot.queuedAt, startedAt));
    this.#feed();
  }

  #outcome(answer: ThreadAnswer, queuedAt: number, startedAt: number): Outcome {
    if (!answer.ok) {
      if (answer.code !== errorCodes.internalError)
        return { ok: false, error: wireErrorOf(answer.code, answer.message) };
      this.#options.onFault(answer.reason);
      return { ok: false, error: new InternalError() };
    }
    const { detections, decodeMs, inferenceMs } = answer;
    return {
      ok: true,
      verdict: {
        result: detections[0]?.classIndex ?? -1,
        detections,
        model: this.model,
        timingMs: {
          queue: startedAt - queuedAt,
          decode: decodeMs,
          inference: inferenceMs,
          total: performance.now() - queuedAt,
        },
      },
    };
  }
}
