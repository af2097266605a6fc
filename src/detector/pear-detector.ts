// Photos in, verdicts out: gives peers turns image by image and keeps the inference thread fed, no more than it
// needs. What waits it lends to other workers that have nothing to do, and it judges images of theirs; how the two
// find each other is not its business. Its model can be changed: the new one is loaded beside the old one, which judges
// what was submitted before. It knows no protocol.
import { performance } from 'node:perf_hooks';
import { CancelledError, WireError } from '../errors.js';
import { FaultLog } from './fault-log.js';
import type { ThreadAnswer } from './inference/thread-answer.js';
import { LoadedModel } from './loaded-model.js';
import type { Model } from './models/model-spec.js';
import { outcomeOf } from './outcome.js';
import type { ImageSource, ThreadOptions } from './inference/thread-messages.js';
import { Batch, type Outcome, type Slot } from './queue/batch.js';
import { ModelQueues } from './queue/model-queues.js';

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

/** After a change, how long the old model stays for attached images whose requests were begun with it. */
const patienceMs = 5_000;

/** An image and the model that is to judge it: the one that served when it was submitted. */
interface Work {
  readonly slot: Slot;
  readonly by: LoadedModel;
}

export class PearDetector {
  #serving: LoadedModel;
  /** Loaded to serve after the next change. */
  #next: LoadedModel | null = null;
  /** They served before, and judge what was submitted then. */
  readonly #retiring = new Set<LoadedModel>();
  readonly #faults: FaultLog;
  readonly #queues = new ModelQueues<LoadedModel, object, Work>();
  /** Owners of images that are stopped and still in the queue. */
  readonly #sweeps = new Set<object>();
  #sharing: Sharing | null = null;
  #offer: NodeJS.Timeout | null = null;
  /** The thread takes nothing more. */
  #closed = false;

  private constructor(serving: LoadedModel, options: DetectorOptions) {
    this.#serving = serving;
    this.#faults = new FaultLog(options.onFault);
  }

  /** Resolves when the model has run once. Throws StartupError where it cannot serve. */
  static async start(options: DetectorOptions): Promise<PearDetector> {
    return new PearDetector(await LoadedModel.start(options.thread), options);
  }

  /** The one that serves. */
  get model(): Model {
    return this.#serving.model;
  }

  /** Images that wait for their turn. */
  get queued(): number {
    return this.#queues.size;
  }

  /** Images that are being decoded or inferred here, those of other workers among them. */
  get inFlight(): number {
    let images = this.#serving.outstanding;
    for (const { outstanding } of this.#retiring) images += outstanding;
    return images;
  }

  /** How many images of others there is room for: none while own ones wait. */
  get spare(): number {
    if (this.queued > 0) return 0;
    let images = this.#serving.outstanding;
    // One that ends takes no images of others; what it still has, nobody waits for, and it may hang in it.
    for (const { isOpen, outstanding } of this.#retiring) if (isOpen) images += outstanding;
    return Math.max(0, outstandingMax - images);
  }

  /** From now on images are shared. */
  share(sharing: Sharing): void {
    this.#sharing = sharing;
  }

  /**
   * Loads another model beside the one that serves; one that was prepared before is given up. Rejects with StartupError
   * where it cannot serve.
   */
  async prepare(thread: ThreadOptions): Promise<Model> {
    await this.discard();
    this.#next = await LoadedModel.start(thread);
    return this.#next.model;
  }

  /** Gives up what was prepared. */
  async discard(): Promise<void> {
    const next = this.#next;
    this.#next = null;
    await next?.close();
  }

  /**
   * From now on the prepared model, where there is one, serves what is submitted. Resolves when the images that were there before are
   * answered, by older ones; for those of their requests that are still to come the last one stays a while.
   */
  async commit(): Promise<void> {
    const answered = Promise.all([this.#serving, ...this.#retiring].map((loaded) => loaded.answered()));
    const next = this.#next;
    this.#next = null;
    if (next !== null) this.#switchTo(next);
    await answered;
  }

  #switchTo(next: LoadedModel): void {
    const old = this.#serving;
    this.#serving = next;
    // However fast changes come, one old model waits for what may never come.
    for (const older of this.#retiring) older.hurry();
    this.#retiring.add(old);
    void old.retire(patienceMs).then(() => {
      this.#retiring.delete(old);
      this.#queues.forget(old);
      this.#sayWaiting();
    });
  }

  /**
   * Opens a batch of `count` images of `owner`, between whom and other owners turns are taken. Aborting one of `signals`
   * with a WireError stops the batch (see Batch.stop), also one that another one has stopped.
   */
  submit(owner: object, count: number, ...signals: readonly AbortSignal[]): Batch {
    let begun: LoadedModel | null = null;
    const batch = new Batch(count, (slot, source) => {
      // A request is its model's from its first image on.
      if (begun === null) {
        begun = this.#serving;
        for (const { outcome } of batch.slots) begun.expect(outcome);
      }
      // Bytes that come long after a change find the model gone that the request was begun with.
      const by = begun.isOpen ? begun : this.#serving;
      by.queue(slot.outcome);
      slot.queue(source, performance.now());
      this.#queues.push(owner, { slot, by });
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

  /**
   * The image whose turn it is, for another worker that has the model of the fingerprint `model`; null where none waits
   * for that.
   */
  lend(model: string): Loan | null {
    const next = () => this.#queues.takeToLend((by) => by.model.fingerprint === model);
    for (let work = next(); work !== undefined; work = next()) {
      const source = work.slot.start();
      if (source !== null) return this.#loan(work, source);
    }
    return null;
  }

  /**
   * Judges an image of another worker by the model of the fingerprint `model`; null where that has gone. Attached bytes
   * are the caller's no more.
   */
  async help(source: ImageSource, model: string): Promise<ThreadAnswer | null> {
    const by = [this.#serving, ...this.#retiring].find(
      (loaded) => loaded.isOpen && loaded.model.fingerprint === model,
    );
    if (by === undefined) return null;
    const answer = await by.judge(source);
    this.#feed();
    return answer;
  }

  /** Ends all threads after the images they have; what waits is dropped. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#offer !== null) clearTimeout(this.#offer);
    for (const old of this.#retiring) old.hurry();
    await Promise.all([
      this.discard(),
      this.#serving.close(),
      ...[...this.#retiring].map((old) => old.close()),
    ]);
  }

  #loan(work: Work, source: ImageSource): Loan {
    const { slot } = work;
    const startedAt = performance.now();
    return {
      source,
      settle: (answer) => {
        slot.settle(this.#outcome(answer, work, startedAt));
      },
      giveBack: () => {
        if (!slot.restore(source)) return;
        this.#queues.giveBack(work);
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
      this.#queues.remove(owner, ({ slot }) => slot.state === 'done');
      // What waited behind it has its turn now.
      this.#feed();
    });
  }

  #arrived(): void {
    if (this.#sharing === null || this.inFlight === 0) this.#feed();
    else {
      this.#offer ??= setTimeout(() => {
        this.#offer = null;
        this.#feed();
      }, offerMs);
    }
    this.#sayWaiting();
  }

  /** Helpers for whose model nothing waited went away; with the next one they may have the right one. */
  #sayWaiting(): void {
    if (this.#queues.lendable > 0) this.#sharing?.onWaiting();
  }

  #feed(): void {
    if (this.#closed) return;
    for (const old of this.#retiring) this.#feedModel(old);
    this.#feedModel(this.#serving);
    if (this.#retiring.size > 0) this.#sayWaiting();
    if (this.spare > 0) this.#sharing?.onSpare();
  }

  /** Each model has room of its own: one that was changed away from, and hangs, must not hold up the one that serves. */
  #feedModel(by: LoadedModel): void {
    while (by.outstanding < outstandingMax) {
      const work = this.#queues.take(by);
      if (work === undefined) return;
      const source = work.slot.start();
      if (source !== null) void this.#judge(work, source);
    }
  }

  async #judge(work: Work, source: ImageSource): Promise<void> {
    const startedAt = performance.now();
    const answer = await work.by.judge(source);
    work.slot.settle(this.#outcome(answer, work, startedAt));
    this.#feed();
  }

  #outcome(answer: ThreadAnswer, { slot, by }: Work, startedAt: number): Outcome {
    return outcomeOf(answer, { queuedAt: slot.queuedAt, startedAt }, by.model, (reason) => {
      this.#faults.add(reason);
    });
  }
}
