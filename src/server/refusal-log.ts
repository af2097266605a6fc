// Logs what strangers were refused, with nothing of what they have shown. A flood of it must not become a flood of lines.
import type { Logger } from '../log.js';

/** At most one line in so long. */
const logIntervalMs = 1_000;

export class RefusalLog {
  readonly #log: Logger;
  readonly #message: string;
  /** Not logged yet. */
  #unlogged = 0;
  #last = { address: '', reason: '' };
  /** Runs while the next line has to wait. */
  #timer: NodeJS.Timeout | null = null;

  constructor(log: Logger, message: string) {
    this.#log = log;
    this.#message = message;
  }

  add(address: string, reason: string): void {
    this.#unlogged++;
    this.#last = { address, reason };
    if (this.#timer === null) this.#report();
  }

  /** Logs how many there were since the last line, and the last of them as the example. */
  #report(): void {
    this.#timer = null;
    if (this.#unlogged === 0) return;
    this.#log.warn({ ...this.#last, times: this.#unlogged }, this.#message);
    this.#unlogged = 0;
    this.#timer = setTimeout(() => {
      this.#report();
    }, logIntervalMs).unref();
  }
}
