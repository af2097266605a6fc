// Notices that something which has work makes no progress any more.

/**
 * So often it looks within its time: a process that was stopped and goes on finds one look overdue, not all of them.
 */
const looks = 4;

export class Watchdog {
  readonly #timer: NodeJS.Timeout;
  #quietLooks = 0;

  /** `onStuck` is called once where `hasWork` holds for more than `timeoutMs` without a `calm`. */
  constructor(timeoutMs: number, hasWork: () => boolean, onStuck: () => void) {
    this.#timer = setInterval(() => {
      this.#quietLooks = hasWork() ? this.#quietLooks + 1 : 0;
      // The work may have come just before the first look.
      if (this.#quietLooks === looks + 1) onStuck();
    }, timeoutMs / looks);
    this.#timer.unref();
  }

  /** There is progress. */
  calm(): void {
    this.#quietLooks = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
