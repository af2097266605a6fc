// One connection of the fuzzer: sends what is planned, keeps what comes back, and is over in bounded time.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { deafMs, type Delivery } from './delivery.js';

export interface Heard {
  /** Everything that was received, as Latin-1. */
  readonly text: string;
  /** Nothing moved for too long, and it was cut. */
  readonly isLate: boolean;
  /** How long we took to send, without the time in which the server took nothing. */
  readonly sendingMs: number;
}

/** Replies after which a client that waits leaves, and whether the server closes the connection then. */
export interface Expected {
  readonly replies: number;
  readonly isClosed: boolean;
}

/** So long nothing may move: far more than all images that may be queued take on a busy machine. */
const idleTimeoutMs = 60_000;
/** A client that does not read learns by writing that it was dropped. */
const knockIntervalMs = 200;
const lineEnd = 0x0a;

/** Holds one session; aborting `signal` breaks it off. */
export async function converse(
  port: number,
  bytes: Buffer,
  delivery: Delivery,
  expected: Expected,
  signal: AbortSignal,
): Promise<Heard> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  const conversation = new Conversation(socket, expected);
  const cut = () => socket.destroy();
  signal.addEventListener('abort', cut);
  let isLate = false;
  const deadline = setTimeout(() => {
    isLate = true;
    socket.destroy();
  }, idleTimeoutMs);
  for (const event of ['data', 'drain', 'end']) socket.on(event, () => deadline.refresh());
  if (delivery.unreadMs > 0) {
    socket.pause();
    if (delivery.unreadMs < Infinity) setTimeout(() => socket.resume(), delivery.unreadMs).unref();
  }
  const sendingMs = await conversation.send(bytes, delivery);
  await conversation.end(delivery);
  clearTimeout(deadline);
  signal.removeEventListener('abort', cut);
  return { text: conversation.text, isLate, sendingMs };
}

class Conversation {
  readonly #socket: Socket;
  readonly #expected: Expected;
  readonly #chunks: Buffer[] = [];
  readonly #closed: Promise<void>;
  readonly #answered: Promise<void>;
  #lines = 0;

  constructor(socket: Socket, expected: Expected) {
    this.#socket = socket;
    this.#expected = expected;
    // What a broken connection means is seen from what was received until then.
    socket.on('error', () => undefined);
    const closed = new Promise<void>((resolve) => {
      socket.once('close', () => {
        resolve();
      });
    });
    this.#closed = closed;
    const ended = new Promise<void>((resolve) => socket.once('end', resolve));
    const counted = new Promise<void>((resolve) => {
      const count = (chunk: Buffer) => {
        this.#chunks.push(chunk);
        for (let at = chunk.indexOf(lineEnd); at !== -1; at = chunk.indexOf(lineEnd, at + 1)) this.#lines++;
        if (this.#lines >= this.#expected.replies) resolve();
      };
      socket.on('data', count);
      if (expected.replies === 0) resolve();
    });
    // A server that closes too early is seen by what is missing.
    this.#answered = Promise.race([ended, closed, ...(expected.isClosed ? [] : [counted])]);
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('latin1');
  }

  /** Resolves to how long it took, but for waiting until bytes were taken. */
  async send(bytes: Buffer, { segments }: Delivery): Promise<number> {
    await Promise.race([once(this.#socket, 'connect').catch(() => undefined), this.#closed]);
    const startedAt = performance.now();
    let waitedMs = 0;
    let at = 0;
    for (const segment of segments) {
      if (!this.#socket.writable) break;
      const isTaken = this.#socket.write(bytes.subarray(at, (at += segment.bytes)));
      if (!isTaken) {
        const waitedFrom = performance.now();
        await Promise.race([once(this.#socket, 'drain').catch(() => undefined), this.#closed]);
        waitedMs += performance.now() - waitedFrom;
      }
      if (segment.pauseMs > 0) await wait(segment.pauseMs);
      else await nextTurn();
    }
    return performance.now() - startedAt - waitedMs;
  }

  async end({ ending, endingDelayMs, unreadMs, untilDropped }: Delivery): Promise<void> {
    if (untilDropped) await this.#beDropped();
    else if (ending === 'reset' || ending === 'leave') {
      await wait(endingDelayMs);
      if (ending === 'reset') this.#socket.resetAndDestroy();
    } else if (ending === 'finish') this.#socket.end();
    if (unreadMs === Infinity) await Promise.race([wait(deafMs), this.#closed]);
    else if (ending === 'wait') await this.#answered;
    // The server closes its side when everything is answered, and then the socket is done.
    else if (ending === 'finish') await this.#closed;
    this.#socket.destroy();
    await this.#closed;
  }

  async #beDropped(): Promise<void> {
    while (!this.#socket.destroyed) {
      this.#socket.write(' ');
      await Promise.race([wait(knockIntervalMs), this.#closed]);
    }
  }
}
