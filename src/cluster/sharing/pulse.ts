// Whether the other side of a connection still lives: it is asked from time to time and has to say something until the next
// time. A process that is stopped keeps its connections open, and would keep what it has for ever.

/** An event loop answers within milliseconds; one that is silent for so long is stopped, or as good as that. */
const intervalMs = 1_000;

export interface PulseOptions {
  readonly ask: () => void;
  /** Nothing came between two questions. The watch has ended. */
  readonly onSilence: () => void;
}

export class Pulse {
  readonly #options: PulseOptions;
  #timer: NodeJS.Timeout | null = null;
  #asked = false;

  constructor(options: PulseOptions) {
    this.#options = options;
  }

  /** From now on silence is told. */
  watch(): void {
    if (this.#timer !== null) return;
    this.#asked = false;
    this.#timer = setInterval(() => {
      this.#beat();
    }, intervalMs);
  }

  /** Something has come. */
  heard(): void {
    this.#asked = false;
  }

  rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #beat(): void {
    if (!this.#asked) {
      this.#asked = true;
      this.#options.ask();
      return;
    }
    // Where it was this process that was held up, what has come meanwhile is read first.
    setImmediate(() => {
      if (!this.#asked || this.#timer === null) return;
      this.rest();
      this.#options.onSilence();
    });
  }
}
