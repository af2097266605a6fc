// Watches whether a peer takes what is written to it: one that takes nothing for too long is given up.
import type { Socket } from 'node:net';

export class WriteWatch {
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  readonly #onStuck: () => void;
  readonly #onEmpty: () => void;
  #timer: NodeJS.Timeout | null = null;

  /** `onEmpty` is called where everything turns out to have been taken, which ends the watch. */
  constructor(socket: Socket, timeoutMs: number, onStuck: () => void, onEmpty: () => void = () => undefined) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    this.#onStuck = onStuck;
    this.#onEmpty = onEmpty;
  }

  /** Watches from now on; nothing new where it watches already. */
  start(): void {
    if (this.#timer === null) this.#watch(this.#takenBytes);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** What the kernel has taken for the peer. */
  get #takenBytes(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  #watch(takenBytes: number): void {
    this.#timer = setTimeout(() => {
      if (this.#socket.writableLength === 0 && !this.#socket.writableEnded) {
        this.#timer = null;
        this.#onEmpty();
      } else if (this.#takenBytes > takenBytes) this.#watch(this.#takenBytes);
      else this.#onStuck();
    }, this.#timeoutMs);
  }
}
