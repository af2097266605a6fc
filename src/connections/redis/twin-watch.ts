// Whether another primary has this host's id: for a moment, as while one takes over from another at a reload, or for good,
// which is a mistake in the configuration.

/** Pings that may fail to come. */
const missedMax = 3;

export interface TwinWatchOptions {
  /** How often a primary pings its channel. */
  readonly pingIntervalMs: number;
  /** So long two may be there at a reload: the one that ends waits for its clients. */
  readonly handoverMaxMs: number;
  /** It has been there for longer than a reload takes; told once until it goes. */
  readonly onStays: () => void;
  /** In milliseconds; only differences count. */
  readonly now?: () => number;
}

export class TwinWatch {
  readonly #goneAfterMs: number;
  readonly #handoverMaxMs: number;
  readonly #onStays: () => void;
  readonly #now: () => number;
  #firstMs = 0;
  #lastMs = -Infinity;
  #isTold = false;

  constructor({ pingIntervalMs, handoverMaxMs, onStays, now = () => performance.now() }: TwinWatchOptions) {
    this.#goneAfterMs = missedMax * pingIntervalMs;
    this.#handoverMaxMs = handoverMaxMs;
    this.#onStays = onStays;
    this.#now = now;
  }

  /** A ping of another primary has come on this host's channel. */
  heard(): void {
    const now = this.#now();
    if (!this.isThere) {
      this.#firstMs = now;
      this.#isTold = false;
    }
    this.#lastMs = now;
    if (this.#isTold || now - this.#firstMs <= this.#handoverMaxMs) return;
    this.#isTold = true;
    this.#onStays();
  }

  get isThere(): boolean {
    return this.#now() - this.#lastMs <= this.#goneAfterMs;
  }
}
