// Photos in, verdicts out: gives peers turns image by image and keeps the inference thread fed, no more than it
// needs. What waits it lends to other workers that have nothing to do, and it judges images of theirs; how the two
// find each other is not its business. It knows no protocol.
import { performance } from 'node:perf_hooks';
import { CancelledError, InternalError, WireError, errorCodes, wireErrorOf } from '../errors.js';
import { FaultLog } from './fault-log.js';
import { InferenceThread } from './inference/inference-thread.js';
import type { ThreadAnswer } from './inference/thread-answer.js';
import type { Model } from './models/model-spec.js';
import type { ImageSource, ThreadOptions } from './inference/thread-messages.js';
import { Batch, type Outcome, type Slot } from './queue/batch.js';
import { FairQueue } from './queue/fair-queue.js';

export interface DetectorOptions {
  readonly thread: ThreadOptions;
  /** Told of faults of our own, for the log, of the same one once a minute; bad images are the client's business. */
  readonly onFault: (reason: string) => void;
}

/** An image that another worker judges. */
export interface Loan {
  readonly source: ImageSource;
  /** The other worker has judged it. */
  readonly settle: (answer: ThreadAnswer) => void;
  /** The other worker will not: the image is judged here, next of all. */
  readonly giveBack: () => void;
}

/** Told when there is something to share. */
export interface Sharing {
  /** Images wait that another worker could take. */
  readonly onWaiting: () => void;
  /** Nothing waits here, and there is room for images of others. */
  readonly onSpare: () => void;
}

/** One image is inferred while the next one is decoded; more would only make 0x03 and fairness slower. */
const outstandingMax = 2;

/**
 * Where images are shared, one that could only be decoded ahead here is first offered to workers that have nothing to do,
 * for so long: longer than it takes them to ask for it, and short beside the decoding of the one before it.
 */
const offerMs = 1;

export class PearDetector {
  readonly #thread: InferenceThread;
  readonly #faults: FaultLog;
  readonly #queue = new FairQueue<object, Slot>();
  /** Lent in vain. They are not lent again, so that an image that ends workers ends two of them at most. */
  readonly #returned: Slot[] = [];
  /** Owners of images that are stopped and still in the queue. */
  readonly #sweeps = new Set<object>();
  #sharing: Sharing | null = null;
  #offer: NodeJS.Timeout | null = null;
  /** The thread takes nothing more. */
  #closed = false;

  private constructor(thread: InferenceThread, options: DetectorOptions) {
    this.#thread = thread;
    this.#faults = new FaultLog(options.onFault);
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
    return this.#queue.size + this.#returned.length;
  }

  /** Images that are being decoded or inferred here, those of other workers among them. */
  get inFlight(): number {
    return this.#thread.outstanding;
  }

  /** How many images of others there is room for: none while own ones wait. */
  get spare(): number {
    return this.queued > 0 ? 0 : Math.max(0, outstandingMax - this.#thread.outstanding);
  }

  /** From now on images are shared. */
  share(sharing: Sharing): void {
    this.#sharing = sharing;
  }

  /**
   * Opens a batch of `count` images of `owner`, between whom and other owners turns are taken. Aborting one of `signals`
   * with a WireError stops the batch (see Batch.stop), also one that another one has stopped.
   */
  submit(owner: object, count: number, ...signals: readonly AbortSignal[]): Batch {
    const batch = new Batch(count, (slot, source) => {
      slot.queue(source, performance.now());
      this.#queue.push(owner, slot);
      this.#arrived();
    });
    for (const signal of signals) {
      const stop = () => {
        const reason: unknown = signal.reason;
        batch.stop(reason instanceof WireError ? reason : new CancelledError('cancelled'));
        this.#sweepSoon(owner);
      };
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    }
    return batch;
  }

  /** The image whose turn it is, for another worker; null where none waits. */
  lend(): Loan | null {
    for (let slot = this.#queue.take(); slot !== undefined; slot = this.#queue.take()) {
      const source = slot.start();
      if (source !== null) return this.#loan(slot, source);
    }
    return null;
  }

  /** Judges an image of another worker. Attached bytes are transferred: the caller's array is empty afterwards. */
  async help(source: ImageSource): Promise<ThreadAnswer> {
    const answer = await this.#thread.judge(source);
    this.#feed();
    return answer;
  }

  /** Ends the thread after the images it has; what waits is dropped. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#offer !== null) clearTimeout(this.#offer);
    await this.#thread.close();
  }

  #loan(slot: Slot, source: ImageSource): Loan {
    const startedAt = performance.now();
    return {
      source,
      settle: (answer) => {
        slot.settle(this.#outcome(answer, slot.queuedAt, startedAt));
      },
      giveBack: () => {
        if (!slot.restore(source)) return;
        this.#returned.push(slot);
        this.#feed();
      },
    };
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

  #arrived(): void {
    if (this.#sharing === null || this.#thread.outstanding === 0) this.#feed();
    else {
      this.#offer ??= setTimeout(() => {
        this.#offer = null;
        this.#feed();
      }, offerMs);
    }
    if (this.#queue.size > 0) this.#sharing?.onWaiting();
  }

  #feed(): void {
    if (this.#closed) return;
    while (this.#thread.outstanding < outstandingMax) {
      const slot = this.#returned.shift() ?? this.#queue.take();
      if (slot === undefined) break;
      const source = slot.start();
      if (source !== null) void this.#judge(slot, source);
    }
    if (this.spare > 0) this.#sharing?.onSpare();
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
      this.#faults.add(answer.reason);
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
