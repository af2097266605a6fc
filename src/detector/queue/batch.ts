// The images of one request on their way to a verdict. Each image has one slot, and each slot is answered
// exactly once: by the thread, by its deadline, by 0x03, or because its bytes were no image.
import { DeadlineError, PeerGoneError, type WireError } from '../../errors.js';
import { giveMemoryBack } from '../../image-memory.js';
import type { Model } from '../models/model-spec.js';
import type { Detection } from '../inference/thread-answer.js';
import type { ImageSource } from '../inference/thread-messages.js';

export interface Verdict {
  /** Index in the model's classes, or -1 where there is no pear. */
  readonly result: number;
  /** All boxes above the threshold, best first; the first one decides. */
  readonly detections: readonly Detection[];
  readonly model: Model;
  /** Milliseconds in the queue, for decoding, for inference, and from being queued to the verdict. */
  readonly timingMs: {
    readonly queue: number;
    readonly decode: number;
    readonly inference: number;
    readonly total: number;
  };
}

export type Outcome =
  { readonly ok: true; readonly verdict: Verdict } | { readonly ok: false; readonly error: WireError };

/** `awaited`: its bytes are still to come. */
export type SlotState = 'awaited' | 'queued' | 'started' | 'done';

export class Slot {
  readonly outcome: Promise<Outcome>;
  #resolve: (outcome: Outcome) => void = () => undefined;
  #state: SlotState = 'awaited';
  #source: ImageSource | null = null;
  /** `performance.now()` when the image was queued. */
  queuedAt = 0;

  constructor() {
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  get state(): SlotState {
    return this.#state;
  }

  queue(source: ImageSource, now: number): void {
    this.#state = 'queued';
    this.#source = source;
    this.queuedAt = now;
  }

  /** Takes the image out of the slot, to be judged; null where it is answered already. */
  start(): ImageSource | null {
    const source = this.#source;
    this.#source = null;
    if (this.#state === 'queued') this.#state = 'started';
    return source;
  }

  /** Puts an image back that was started in vain; it counts as not started again. False where it is answered already. */
  restore(source: ImageSource): boolean {
    if (this.#state !== 'started') return false;
    this.#state = 'queued';
    this.#source = source;
    return true;
  }

  /** The first call counts; a verdict that comes after the deadline is dropped here. */
  settle(outcome: Outcome): void {
    if (this.#state === 'done') return;
    this.#state = 'done';
    if (this.#source?.type === 'bytes') giveMemoryBack(this.#source.bytes);
    this.#source = null;
    this.#resolve(outcome);
  }
}

export class Batch {
  /** One outcome an image, in order; resolves with the last one and never rejects. */
  readonly outcomes: Promise<readonly Outcome[]>;
  readonly slots: readonly Slot[];
  readonly #enqueue: (slot: Slot, source: ImageSource) => void;

  constructor(count: number, enqueue: (slot: Slot, source: ImageSource) => void) {
    this.slots = Array.from({ length: count }, () => new Slot());
    this.outcomes = Promise.all(this.slots.map((slot) => slot.outcome));
    this.#enqueue = enqueue;
  }

  /** Gives the image at `index` its bytes, or says where they are; too late is no fault. */
  provide(index: number, source: ImageSource): void {
    const slot = this.slots[index];
    if (slot?.state === 'awaited') this.#enqueue(slot, source);
    else if (source.type === 'bytes') giveMemoryBack(source.bytes);
  }

  /** Answers the image at `index` without looking at it. */
  refuse(index: number, error: WireError): void {
    this.slots[index]?.settle({ ok: false, error });
  }

  /**
   * Answers what has no verdict yet with `error`: at the deadline, and where nobody waits, every image, otherwise those that have
   * not been started, since the others are nearly done.
   */
  stop(error: WireError): void {
    const isForAll = error instanceof DeadlineError || error instanceof PeerGoneError;
    for (const slot of this.slots) {
      if (isForAll || slot.state !== 'started') slot.settle({ ok: false, error });
    }
  }
}
