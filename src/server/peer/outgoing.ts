// The way out of one connection: replies, and our end behind the last one. A peer that takes nothing for too long is
// given up.
import type { Socket } from 'node:net';
import { WriteWatch } from './write-watch.js';

/** A connection that has been sent everything and our end may go on sending for a while; so long it may pause. */
const lingerMs = 2_000;
const lingerRoundsMax = 15;

export interface OutgoingEvents {
  /** What waited has been taken. */
  readonly onTaken: () => void;
  /** Nothing of what waits has been taken for too long. */
  readonly onStuck: (waitingBytes: number) => void;
}

export class Outgoing {
  readonly #socket: Socket;
  readonly #watch: WriteWatch;

  constructor(socket: Socket, timeoutMs: number, events: OutgoingEvents) {
    this.#socket = socket;
    const onStuck = () => {
      events.onStuck(socket.writableLength);
    };
    this.#watch = new WriteWatch(socket, timeoutMs, onStuck, events.onTaken);
    socket.on('drain', () => {
      this.#watch.stop();
      events.onTaken();
    });
    socket.on('close', () => {
      this.#watch.stop();
    });
  }

  /** Whether more waits to be taken than should. */
  get isBackedUp(): boolean {
    return this.#socket.writableNeedDrain;
  }

  /** Bytes that the kernel has not taken yet. */
  get waitingBytes(): number {
    return this.#socket.destroyed ? 0 : this.#socket.writableLength;
  }

  write(bytes: Buffer): void {
    if (this.#socket.destroyed) return;
    this.#socket.write(bytes);
    // Little that waits is no reason to stop writing, but a peer that never takes it is gone, too.
    if (this.#socket.writableLength > 0) this.#watch.start();
  }

  /** Sends our end behind the last reply, and closes when the other side has had time to do the same. */
  end(): void {
    if (this.#socket.writableEnded || this.#socket.destroyed) return;
    this.#socket.end();
    // Unread bytes at the time of closing would make the kernel reset the connection, replies and all.
    this.#socket.resume();
    if (this.#socket.writableFinished) this.#linger();
    else
      this.#socket.once('finish', () => {
        this.#linger();
      });
    // Until everything is out the peer must go on reading, as ever.
    this.#watch.start();
  }

  #linger(): void {
    this.#watch.stop();
    this.#waitForEnd(lingerRoundsMax);
  }

  /** Who has not read our end yet would have its sending fail, and never see the last reply. */
  #waitForEnd(rounds: number): void {
    const { bytesRead } = this.#socket;
    setTimeout(() => {
      if (rounds > 1 && this.#socket.bytesRead > bytesRead) this.#waitForEnd(rounds - 1);
      else this.#socket.destroy();
    }, lingerMs).unref();
  }
}
