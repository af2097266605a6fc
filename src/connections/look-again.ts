// When something that is away is looked at again: soon, and less and less often where it answers and then fails.

export interface LookAgainOptions {
  readonly look: () => void;
  readonly soonestMs: number;
  readonly latestMs: number;
}

export class LookAgain {
  readonly #options: LookAgainOptions;
  #delayMs: number;
  #timer: NodeJS.Timeout | null = null;
  #isStopped = false;

  constructor(options: LookAgainOptions) {
    this.#options = options;
    this.#delayMs = options.soonestMs;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Looks once, after a while that is not the same for all who look; where one is to come already, in its place. */
  later(): void {
    if (this.#isStopped) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const delayMs = this.#delayMs * (0.5 + Math.random() / 2);
    this.#timer = setTimeout(this.#options.look, delayMs).unref();
  }

  /** It has failed though it had answered. */
  lessOften(): void {
    this.#delayMs = Math.min(2 * this.#delayMs, this.#options.latestMs);
  }

  /** All is well: the next time it is looked at soon. */
  soon(): void {
    this.#delayMs = this.#options.soonestMs;
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }
}
