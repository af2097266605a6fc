// Gives a request that is coming in its time. While the server does not read, the clock stands still: then it is not
// the peer that is late.

export class MessageWatch {
  readonly #timeoutMs: number;
  readonly #onLate: () => void;
  /** null while no request is coming in. */
  #leftMs: number | null = null;
  #runsSince = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(timeoutMs: number, onLate: () => void) {
    this.#timeoutMs = timeoutMs;
    this.#onLate = onLate;
  }

  /** A request is coming in, and the peer is read. */
  run(): void {
    if (this.#timer !== null) return;
    this.#leftMs ??= this.#timeoutMs;
    this.#runsSince = performance.now();
    this.#timer = setTimeout(this.#onLate, Math.max(0, this.#leftMs));
  }

  /** The peer is not read. */
  rest(): void {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#leftMs = (this.#leftMs ?? 0) - (performance.now() - this.#runsSince);
  }

  /** The request is whole, or given up. */
  stop(): void {
    this.rest();
    this.#leftMs = null;
  }
}
