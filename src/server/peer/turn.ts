// The turn of one peer in the event loop. Only so long may it keep the others waiting.

const budgetMs = 5;

export class Turn {
  readonly #onNext: () => void;
  /** null between turns. */
  #startedAt: number | null = null;

  /** `onNext` is called when a turn that was cut short may go on. */
  constructor(onNext: () => void) {
    this.#onNext = onNext;
  }

  /** False once this turn has been long enough; asking begins one. */
  get goesOn(): boolean {
    if (this.#startedAt !== null) return performance.now() - this.#startedAt < budgetMs;
    this.#startedAt = performance.now();
    setImmediate(() => {
      const wasCut = !this.goesOn;
      this.#startedAt = null;
      if (wasCut) this.#onNext();
    });
    return true;
  }
}
