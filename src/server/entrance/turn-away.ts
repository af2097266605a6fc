// How a connection that gets no place is told why and closed. A flood of them must not become a flood of log lines.
import type { Socket } from 'node:net';
import { BusyError } from '../../errors.js';
import type { Logger } from '../../log.js';
import { encodeReply, refusal } from '../../protocol/reply.js';
import type { Admission } from './peer-admission.js';

export type Refusal = Exclude<Admission, 'ok'> | 'no worker';

const reasons: Readonly<Record<Refusal, string>> = {
  full: 'too many connections; try again later',
  'address full': 'too many connections from this address; try again later',
  closing: 'the server is stopping; try again later',
  'no worker': 'nobody serves at the moment; try again later',
};

/** How long a connection may take to read its answer and close its side. */
const lingerMs = 1_000;

/** At most one line in so long. */
const logIntervalMs = 1_000;

export class TurnAway {
  readonly #log: Logger;
  readonly #replyTerminator: string;
  /** Turned away and not logged yet. */
  #unlogged = 0;
  #last = { address: '', reason: '' };
  /** Runs while the next line has to wait. */
  #timer: NodeJS.Timeout | null = null;

  constructor(log: Logger, replyTerminator: string) {
    this.#log = log;
    this.#replyTerminator = replyTerminator;
  }

  /** One answer, so that the client knows why, and the end. */
  turnAway(socket: Socket, address: string, why: Refusal): void {
    const { code, message } = new BusyError(reasons[why]);
    this.#unlogged += 1;
    this.#last = { address, reason: message };
    if (this.#timer === null) this.#report();
    socket.on('error', () => socket.destroy());
    socket.end(encodeReply(refusal(code, message, null), this.#replyTerminator));
    socket.resume();
    setTimeout(() => socket.destroy(), lingerMs).unref();
  }

  /** Logs how many were turned away since the last line, and the last of them as the example. */
  #report(): void {
    this.#timer = null;
    if (this.#unlogged === 0) return;
    this.#log.warn({ ...this.#last, turnedAway: this.#unlogged }, 'turned connections away');
    this.#unlogged = 0;
    this.#timer = setTimeout(() => {
      this.#report();
    }, logIntervalMs).unref();
  }
}
