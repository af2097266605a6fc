// Warnings about one connection: what it has done a thousand times is worth one line.
import type { Logger } from '../../log.js';

export class OnceLog {
  readonly #log: Logger;
  /** Created with the first, since most connections have none. */
  #reasons: Set<string> | null = null;

  constructor(log: Logger) {
    this.#log = log;
  }

  warn(reason: string, message: string): void {
    this.#reasons ??= new Set();
    if (this.#reasons.has(reason)) return;
    this.#reasons.add(reason);
    this.#log.warn({ reason }, message);
  }
}
