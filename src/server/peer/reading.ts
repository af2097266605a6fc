// Whether a connection is read. While it is not, nobody would notice that its other side is gone, so from time to time
// it is read for one piece all the same.
import type { Socket } from 'node:net';
import { readLittle } from '../../socket-reads.js';

const lookAfterMs = 1_000;

export class Reading {
  readonly #socket: Socket;
  readonly #mayLook: () => boolean;
  #timer: NodeJS.Timeout | null = null;
  #isLittle = false;

  /** `mayLook`: whether there is room for one more piece (socket-reads.ts). */
  constructor(socket: Socket, mayLook: () => boolean) {
    this.#socket = socket;
    this.#mayLook = mayLook;
  }

  resume(): void {
    this.stop();
    this.#socket.resume();
  }

  pause(): void {
    this.#socket.pause();
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      // What comes leads to a new pause; a connection that is gone says so instead.
      if (this.#mayLook()) this.#socket.resume();
      else this.pause();
    }, lookAfterMs);
  }

  /** Whether the next pieces are to be small ones. */
  little(isLittle: boolean): void {
    if (isLittle === this.#isLittle) return;
    this.#isLittle = isLittle;
    readLittle(this.#socket, isLittle);
  }

  /** Looks no more. */
  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
