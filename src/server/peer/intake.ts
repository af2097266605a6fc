// What a peer sends, from bytes to requests: frames are taken out of the bytes and given to the processor, and what does
// not become a request is answered as what it is. When something is read, and when a frame's turn is, is Peer's business.
import type { CloseReason } from '../../connections/record.js';
import { InvalidMessageError, type WireError } from '../../errors.js';
import { FrameDecoder, type Frame } from '../../protocol/frame-decoder.js';
import { afterGarbage } from '../gate.js';
import type { RequestProcessor } from '../requests/request-processor.js';
import { tooMuchHeld } from '../room.js';
import { MessageWatch } from './message-watch.js';
import type { PeerLimits } from './peer-limits.js';
import type { PeerLog } from './peer-log.js';
import type { PeerStats } from './peer-stats.js';
import { lookingBytesMax, RoleBound } from './role-bound.js';

export interface IntakeEvents {
  /** No more is taken of the peer, for this reason; what it is owed is still sent. */
  onLastRequest(reason: CloseReason): void;
}

export class Intake {
  readonly decoder: FrameDecoder;
  readonly #limits: PeerLimits;
  readonly #stats: PeerStats;
  readonly #processor: RequestProcessor;
  readonly #roleBound: RoleBound;
  readonly #events: IntakeEvents;
  readonly #log: PeerLog;
  /** Of the first request that has not come at once. */
  #message: MessageWatch | null = null;

  constructor(
    limits: PeerLimits,
    stats: PeerStats,
    processor: RequestProcessor,
    events: IntakeEvents,
    log: PeerLog,
  ) {
    this.decoder = new FrameDecoder(limits.maxMessageBytes);
    this.#limits = limits;
    this.#stats = stats;
    this.#processor = processor;
    this.#roleBound = new RoleBound(stats);
    this.#events = events;
    this.#log = log;
  }

  /** Whether nothing more may be taken until a token that the peer has shown is looked at. */
  get mustWait(): boolean {
    const { load, mayRise } = this.#processor;
    return this.#roleBound.mustWait(load.heldBytes + this.decoder.heldBytes, mayRise);
  }

  /** Whether its sender may classify. */
  get mayClassify(): boolean {
    return this.#roleBound.mayClassify;
  }

  /** Takes the next frame; false where none is whole. */
  takeNext(): boolean {
    const frame = this.decoder.next();
    if (frame !== null) this.#take(frame);
    return frame !== null;
  }

  /** No frame is whole: refuses one that is too long already for the role of its sender; false where that is not so. */
  refuseTooLong(): boolean {
    const problem = this.#processor.mayRise ? null : this.#roleBound.problem(this.decoder.messageBytes);
    if (problem !== null) this.#tooLong(lookingBytesMax, problem);
    return problem !== null;
  }

  /** The peer has closed its sending side and everything it sent has been taken. */
  end(): void {
    if (this.decoder.unfinished)
      this.breakOff(new InvalidMessageError('the request ended before it was whole'));
    this.#events.onLastRequest('client');
  }

  /** Answers the request whose rest will not come, unless it has been refused already. */
  breakOff(error: WireError): void {
    if (!this.decoder.skipping && !this.#processor.breakOff(error)) this.#processor.refuse(error);
  }

  /** Gives up the request that is coming in, since the whole server holds too much; false where none is. */
  shed(): boolean {
    if (this.decoder.heldBytes === 0) return false;
    this.#log.warnOnce('the server holds too many bytes', 'giving up a request that comes in');
    if (this.#processor.breakOff(tooMuchHeld())) {
      // What is left of its images is skipped; where the next request starts is known.
      this.decoder.skipAttachments();
    } else {
      this.#processor.refuse(tooMuchHeld());
      this.#events.onLastRequest('busy');
    }
    return true;
  }

  /** Counts the time of a request that is coming in while the peer is read. */
  watch(reads: boolean): void {
    if (reads && this.decoder.unfinished) this.#watch.run();
    else this.#message?.rest();
  }

  stopWatch(): void {
    this.#message?.stop();
  }

  get #watch(): MessageWatch {
    const { messageTimeoutMs } = this.#limits;
    this.#message ??= new MessageWatch(messageTimeoutMs, () => {
      this.#log.line('warn', { timeoutMs: messageTimeoutMs }, 'request unfinished; closing');
      this.breakOff(new InvalidMessageError(`the request was not finished within ${messageTimeoutMs} ms`));
      this.#events.onLastRequest('protocol');
    });
    return this.#message;
  }

  #take(frame: Frame): void {
    switch (frame.type) {
      case 'message': {
        const followup = this.#processor.accept(frame);
        if (followup.type === 'attachments') {
          this.decoder.expectAttachments(followup.sizes);
          if (!followup.keep) this.decoder.skipAttachments();
          return;
        }
        this.stopWatch();
        if (followup.type === 'close') this.#events.onLastRequest('protocol');
        return;
      }
      case 'attachment':
        if (!this.decoder.unfinished) this.stopWatch();
        this.#processor.attach(frame.bytes);
        return;
      case 'skipped':
        this.stopWatch();
        return;
      case 'garbage':
        this.#stats.who = afterGarbage(this.#stats.who);
        this.#processor.refuse(new InvalidMessageError('a request must start with {'));
        return;
      case 'too long': {
        const { maxMessageBytes } = this.#limits;
        this.#tooLong(maxMessageBytes, `the request is longer than ${maxMessageBytes} bytes`);
        return;
      }
      default:
        frame satisfies never;
    }
  }

  #tooLong(maxMessageBytes: number, problem: string): void {
    this.#log.line('warn', { maxMessageBytes, reason: problem }, 'request too long; closing');
    this.decoder.end();
    this.#processor.refuse(new InvalidMessageError(problem));
    this.#events.onLastRequest('protocol');
  }
}
