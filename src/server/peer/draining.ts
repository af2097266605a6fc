// A peer at a stop: what it has asked for so far is answered, a request that is still coming in included, and no other is
// taken.
import type { FrameDecoder } from '../../protocol/frame-decoder.js';

export class Draining {
  readonly #decoder: FrameDecoder;
  #isOn = false;
  /** True once all that had come when the draining began is taken. */
  #isLastRequest = false;

  constructor(decoder: FrameDecoder) {
    this.#decoder = decoder;
  }

  /** Begins after the next turns of the event loop: what they read has already come to this machine, and counts. */
  begin(onBegun: () => void): void {
    setImmediate(() =>
      setImmediate(() => {
        this.#isOn = true;
        onBegun();
      }),
    );
  }

  /** Whether nothing is read any more but the rest of a request that is coming in. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** Whether anything may be read. */
  get mayRead(): boolean {
    return !this.#isOn || this.#decoder.unfinished;
  }

  /** Whether nothing is left to be taken. */
  get isDone(): boolean {
    if (!this.#isOn || this.#decoder.unfinished) return false;
    return this.#isLastRequest || !this.#decoder.hasBytes;
  }

  /** All that has come is taken. */
  allTaken(): void {
    this.#isLastRequest = this.#isOn;
  }
}
