// The terminal while something live is shown: its other screen, its keys, and back to what it was, however that ends.
import type { WriteStream } from 'node:tty';

const enter = '\x1b[?1049h\x1b[?25l';
const leave = '\x1b[?25h\x1b[?1049l';
const home = '\x1b[H';
const clearToLineEnd = '\x1b[K';
const clearBelow = '\x1b[J';

/** q, and what a terminal in raw mode sends for Ctrl+C and Ctrl+D. */
const endKeys = /[qQ\x03\x04]/;

export class Screen {
  readonly #out: WriteStream;
  #lines: readonly string[] = [];
  readonly #onEnd: () => void;
  readonly #onKey = (keys: Buffer) => {
    if (endKeys.test(keys.toString('latin1'))) this.#onEnd();
  };
  readonly #onResize = () => {
    this.draw(this.#lines);
  };
  readonly #onExit = () => {
    this.close();
  };
  #isOpen = true;

  /** `onEnd`: whoever looks wants it to end. */
  constructor(out: WriteStream, onEnd: () => void) {
    this.#out = out;
    this.#onEnd = onEnd;
    out.write(enter);
    out.on('resize', this.#onResize);
    if (process.stdin.isTTY) process.stdin.setRawMode(true);
    process.stdin.on('data', this.#onKey);
    process.once('exit', this.#onExit);
  }

  get height(): number {
    // A terminal that does not know its size, as a serial one, says 0.
    return this.#out.rows || 24;
  }

  /** Over what was there, without a moment in which nothing is. What does not fit is not shown. */
  draw(lines: readonly string[]): void {
    if (!this.#isOpen) return;
    this.#lines = lines;
    const shown = lines.slice(0, this.height);
    this.#out.write(home + shown.map((line) => line + clearToLineEnd).join('\r\n') + clearBelow);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#out.off('resize', this.#onResize);
    process.stdin.off('data', this.#onKey);
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    process.stdin.pause();
    process.off('exit', this.#onExit);
    this.#out.write(leave);
  }
}
