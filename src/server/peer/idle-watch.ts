// Tells when a connection has rested for long: nothing came, nothing went, nothing is owed.

export class IdleWatch {
  readonly #isBusy: () => boolean;
  readonly #onIdle: () => void;
  #lastTrafficAt = performance.now();
  #timer: NodeJS.Timeout | null = null;

  constructor(timeoutMs: number, isBusy: () => boolean, onIdle: () => void) {
    this.#isBusy = isBusy;
    this.#onIdle = onIdle;
    this.#look(timeoutMs);
  }

  /** Something came or went. */
  touch(): void {
    this.#lastTrafficAt = performance.now();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #look(timeoutMs: number): void {
    if (this.#isBusy()) this.touch();
    const leftMs = this.#lastTrafficAt + timeoutMs - performance.now();
    if (leftMs <= 0) this.#onIdle();
    else
      this.#timer = setTimeout(() => {
        this.#look(timeoutMs);
      }, Math.ceil(leftMs));
  }
}
