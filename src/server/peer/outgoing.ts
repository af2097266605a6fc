// The way out of one connection: replies, and our end behind the last one. A peer that takes nothing for too long is
// given up.
import type { Socket } from 'node:net';
import { WriteWatch } from './write-watch.js';

/** A connection that has been sent everything and our end may go on sending for a while; so long it may pause. */
const lingerMs = 2_000;
const lingerRoundsMax = 15;

export interface OutgoingEvents {
  /** What waited has been taken. */
  onTaken(): void;
  /** Nothing of what waits has been taken for too long. */
  onStuck(waitingBytes: number): void;
}

export class Outgoing {
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  readonly #events: OutgoingEvents;
  /** Created when something waits for the first time: most peers take everything at once. */
  #watch: WriteWatch | null = null;
  #isHeldBack = false;

  constructor(socket: Socket, timeoutMs: number, events: OutgoingEvents) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    this.#events = events;
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
    if (!this.#isHeldBack) this.#watchWhatWaits();
  }

  /** What is written from now on goes out in one piece, with `letGo`. */
  holdBack(): void {
    this.#isHeldBack = true;
    this.#socket.cork();
  }

  letGo(): void {
    this.#isHeldBack = false;
    this.#socket.uncork();
    this.#watchWhatWaits();
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
    this.#watched().start();
  }

  /** Little that waits is no reason to stop writing, but a peer that never takes it is gone, too. */
  #watchWhatWaits(): void {
    const { destroyed, writableLength, writableNeedDrain } = this.#socket;
    if (!destroyed && (writableLength > 0 || writableNeedDrain)) this.#watched().start();
  }

  #watched(): WriteWatch {
    if (this.#watch !== null) return this.#watch;
    const socket = this.#socket;
    const watch = new WriteWatch(
      socket,
      this.#timeoutMs,
      () => {
        this.#events.onStuck(socket.writableLength);
      },
      () => {
        this.#events.onTaken();
      },
    );
    socket.on('drain', () => {
      watch.stop();
      this.#events.onTaken();
    });
    socket.on('close', () => {
      watch.stop();
    });
    this.#watch = watch;
    return watch;
  }

  #linger(): void {
    this.#watch?.stop();
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
