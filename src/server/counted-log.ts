// Warnings of what a flood of connections or requests does, with nothing of what strangers have shown: one line a second at
// most, with how many they were and the last of them.
import type { Logger } from '../log.js';

const logIntervalMs = 1_000;

export class CountedLog {
  readonly #log: Logger;
  readonly #message: string;
  readonly #countName: string;
  #unlogged = 0;
  #last: Readonly<Record<string, unknown>> = {};
  /** Runs while the next line has to wait. */
  #timer: NodeJS.Timeout | null = null;

  /** Lines say `message`, and the count stands under `countName`. */
  constructor(log: Logger, message: string, countName: string) {
    this.#log = log;
    this.#message = message;
    this.#countName = countName;
  }

  warn(example: Readonly<Record<string, unknown>>): void {
    this.#unlogged += 1;
    this.#last = example;
    if (this.#timer === null) this.#report();
  }

  #report(): void {
    this.#timer = null;
    if (this.#unlogged === 0) return;
    this.#log.warn({ ...this.#last, [this.#countName]: this.#unlogged }, this.#message);
    this.#unlogged = 0;
    this.#timer = setTimeout(() => {
      this.#report();
    }, logIntervalMs).unref();
  }
}
