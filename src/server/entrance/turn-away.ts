// How a connection that gets no place is told why and closed. A flood of them must not become a flood of log lines.
import type { Socket } from 'node:net';
import { BusyError } from '../../errors.js';
import type { Logger } from '../../log.js';
import { encodeReply, refusal } from '../../protocol/reply.js';
import { CountedLog } from '../counted-log.js';
import type { Admission } from './peer-admission.js';

export type Refusal = Exclude<Admission, 'ok'> | 'no worker';

const reasons: Readonly<Record<Refusal, string>> = {
  full: 'too many connections; try again later',
  'address full': 'too many connections from this address; try again later',
  closing: 'the server is stopping; try again later',
  'no worker': 'nobody serves at the moment; try again later',
};

/**
 * A reply would be no TLS, and a handshake costs too much for who is not let in. This is what TLS itself has for that: a
 * fatal alert, `internal_error`, which clients take at any time (RFC 8446, 6.2).
 */
const tlsAlert = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x50]);

/** How long a connection may take to read its answer and close its side. */
const lingerMs = 1_000;

export class TurnAway {
  readonly #log: CountedLog;
  readonly #replyTerminator: string;
  readonly #isTls: boolean;

  /** `isTls`: the port speaks TLS, and nobody has shaken hands yet. */
  constructor(log: Logger, replyTerminator: string, isTls = false) {
    this.#log = new CountedLog(log, 'turned connections away', 'turnedAway');
    this.#replyTerminator = replyTerminator;
    this.#isTls = isTls;
  }

  /** One answer, so that the client knows why, and the end. */
  turnAway(socket: Socket, address: string, why: Refusal): void {
    const { code, message } = new BusyError(reasons[why]);
    this.#log.warn({ address, reason: message });
    socket.on('error', () => socket.destroy());
    socket.end(this.#isTls ? tlsAlert : encodeReply(refusal(code, message, null), this.#replyTerminator));
    socket.resume();
    setTimeout(() => socket.destroy(), lingerMs).unref();
  }
}
