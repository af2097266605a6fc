// One connection: bytes in through the framing to the processor, replies out, and everything that can go wrong
// with a socket in between. It slows a peer down by not reading it and never holds more of it than its limits say.
import type { Socket } from 'node:net';
import type { CloseReason } from '../connections/record.js';
import { InvalidMessageError } from '../errors.js';
import type { Logger } from '../log.js';
import { FrameDecoder, type Frame } from '../protocol/frame-decoder.js';
import { roleAfterGarbage } from './gate.js';
import type { PeerStats } from './peer-stats.js';
import { RequestProcessor, type ProcessorOptions } from './request-processor.js';

export interface PeerLimits {
  readonly maxMessageBytes: number;
  readonly messageTimeoutMs: number;
  readonly writeTimeoutMs: number;
  /** Bytes of images and requests held for the peer. */
  readonly maxInFlightBytes: number;
  /** Bytes taken beyond the limits, so that a 0x03 behind them is seen. */
  readonly readAheadBytes: number;
}

export interface PeerOptions {
  readonly limits: PeerLimits;
  readonly processor: ProcessorOptions;
  readonly log: Logger;
  /** Something changed that the view of connections shows. */
  readonly onChange: (peer: Peer) => void;
  readonly onClose: (peer: Peer, reason: CloseReason) => void;
}

/** How long a connection may take to close its side when it has been sent everything and our end. */
const lingerMs = 2_000;

/** So long may one peer keep the event loop in one of its turns; then the others come first. */
const turnBudgetMs = 5;

export class Peer {
  readonly stats: PeerStats;
  readonly #socket: Socket;
  readonly #options: PeerOptions;
  readonly #decoder: FrameDecoder;
  readonly #processor: RequestProcessor;
  #closeReason: CloseReason = 'client';
  /** False once no more requests are taken. */
  #open = true;
  #inputEnded = false;
  /** True once the request that is coming in is the last one. */
  #draining = false;
  /** Guards against taking a frame while one is being taken: an answer given at once calls back. */
  #pumping = false;
  /** When this peer's turn of the event loop began; null between turns. */
  #turnStartedAt: number | null = null;
  #messageTimer: NodeJS.Timeout | null = null;
  #writeTimer: NodeJS.Timeout | null = null;

  constructor(socket: Socket, stats: PeerStats, options: PeerOptions) {
    this.#socket = socket;
    this.stats = stats;
    this.#options = options;
    this.#decoder = new FrameDecoder(options.limits.maxMessageBytes);
    this.#processor = new RequestProcessor(options.processor, stats, {
      onReply: (bytes) => {
        this.#write(bytes);
      },
      onProgress: () => {
        this.#changed();
        this.#pump();
      },
      onFault: (command, reason) => {
        options.log.error({ command, reason }, 'a fault of the server');
      },
    });
    socket.on('data', (chunk) => {
      this.receive(chunk);
    });
    socket.on('end', () => {
      this.#inputEnded = true;
      this.#pump();
    });
    socket.on('drain', () => {
      this.#stopWriteTimer();
      this.#pump();
    });
    socket.on('error', (error) => {
      options.log.debug({ reason: error.message }, 'connection failed');
      this.#closeReason = this.#open ? 'reset' : this.#closeReason;
    });
    socket.on('close', () => {
      this.#closed();
    });
  }

  /** Answers what was asked for so far, a request that is still coming in included, then closes. */
  drain(): void {
    this.stats.state = 'draining';
    this.#changed();
    // What has already arrived at this machine is read in the next turns of the event loop and counts as asked for.
    setImmediate(() =>
      setImmediate(() => {
        this.#draining = true;
        this.#pump();
      }),
    );
  }

  /** Answers with a code what has no verdict yet: there is no more time. */
  giveUp(): void {
    this.#processor.giveUp();
  }

  /** Cuts the connection. */
  destroy(reason: CloseReason): void {
    this.#closeReason = reason;
    this.#open = false;
    this.#socket.destroy();
  }

  /** Whether the limits of this peer let more of it in. */
  get #mayRead(): boolean {
    const { maxInFlightBytes, readAheadBytes } = this.#options.limits;
    return (
      this.#processor.heldBytes <= maxInFlightBytes + readAheadBytes &&
      this.#processor.aheadBytes <= readAheadBytes &&
      !this.#socket.writableNeedDrain
    );
  }

  /** Takes bytes of the peer. */
  receive(chunk: Buffer): void {
    this.stats.bytesIn += chunk.length;
    this.stats.lastActivityAt = Date.now();
    if (!this.#open) return;
    this.#decoder.push(chunk);
    this.#pump();
  }

  /** Takes as many frames as the limits and its turn allow, and reads or rests accordingly. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    this.#socket.cork();
    while (this.#open && this.#mayRead && this.#hasTurn()) {
      if (this.#draining && !this.#decoder.unfinished) {
        this.#finish('drain');
        break;
      }
      const frame = this.#decoder.next();
      if (frame === null) {
        if (this.#inputEnded) this.#inputDone();
        break;
      }
      this.#take(frame);
    }
    this.#socket.uncork();
    this.#pumping = false;
    if (!this.#open) {
      this.#endWhenAnswered();
      return;
    }
    if (this.#mayRead && this.#hasTurn()) this.#socket.resume();
    else this.#socket.pause();
    this.#watchMessage();
  }

  /** False once this turn of the event loop has been long enough; the next one goes on where it ended. */
  #hasTurn(): boolean {
    if (this.#turnStartedAt !== null) return performance.now() - this.#turnStartedAt < turnBudgetMs;
    this.#turnStartedAt = performance.now();
    setImmediate(() => {
      const wasCut = !this.#hasTurn();
      this.#turnStartedAt = null;
      if (wasCut) this.#pump();
    });
    return true;
  }

  #take(frame: Frame): void {
    switch (frame.type) {
      case 'message': {
        const followup = this.#processor.accept(frame.bytes, frame.depth);
        if (followup.type === 'attachments') {
          this.#decoder.expectAttachments(followup.sizes);
          if (!followup.keep) this.#decoder.skipAttachments();
          return;
        }
        this.#stopMessageTimer();
        if (followup.type === 'close') this.#finish('protocol');
        return;
      }
      case 'attachment':
        if (!this.#decoder.unfinished) this.#stopMessageTimer();
        this.#processor.attach(frame.bytes);
        return;
      case 'skipped':
        this.#stopMessageTimer();
        return;
      case 'garbage':
        this.stats.role = roleAfterGarbage(this.stats.role);
        this.#processor.refuse(new InvalidMessageError('a request must start with {'));
        return;
      case 'too long':
        this.#options.log.warn(
          { maxBytes: this.#options.limits.maxMessageBytes },
          'request too long; closing',
        );
        this.#processor.refuse(
          new InvalidMessageError(`the request is longer than ${this.#options.limits.maxMessageBytes} bytes`),
        );
        this.#finish('protocol');
        return;
      default:
        frame satisfies never;
    }
  }

  /** The peer has closed its sending side and everything it sent has been taken. */
  #inputDone(): void {
    if (this.#decoder.unfinished)
      this.#breakOff(new InvalidMessageError('the request ended before it was whole'));
    this.#finish('client');
  }

  /** Answers the request whose rest will not come, unless it has been refused already. */
  #breakOff(error: InvalidMessageError): void {
    if (this.#decoder.skipping || this.#processor.breakOff(error)) return;
    this.#processor.refuse(error);
  }

  /** Takes no more requests; closes when the last reply is out. */
  #finish(reason: CloseReason): void {
    if (!this.#open) return;
    this.#open = false;
    this.#closeReason = reason;
    this.#stopMessageTimer();
    this.#endWhenAnswered();
  }

  #endWhenAnswered(): void {
    if (this.#processor.owed > 0 || this.#socket.writableEnded || this.#socket.destroyed) return;
    this.#socket.end();
    // Unread bytes at the time of closing would make the kernel reset the connection, replies and all.
    this.#socket.resume();
    if (this.#socket.writableFinished) this.#linger();
    else
      this.#socket.once('finish', () => {
        this.#linger();
      });
    // Until everything is out the peer must go on reading, as ever.
    if (this.#writeTimer === null) this.#watchWriting(this.#sentBytes);
  }

  #linger(): void {
    this.#stopWriteTimer();
    setTimeout(() => this.#socket.destroy(), lingerMs).unref();
  }

  #write(bytes: Buffer): void {
    this.stats.bytesOut += bytes.length;
    if (this.#socket.destroyed || this.#socket.write(bytes) || this.#writeTimer !== null) return;
    this.#watchWriting(this.#sentBytes);
  }

  get #sentBytes(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  /** Drops a peer that has taken nothing since `sentBytes`. */
  #watchWriting(sentBytes: number): void {
    this.#writeTimer = setTimeout(() => {
      if (this.#sentBytes > sentBytes) {
        this.#watchWriting(this.#sentBytes);
        return;
      }
      this.#options.log.warn(
        { waitingBytes: this.#socket.writableLength, timeoutMs: this.#options.limits.writeTimeoutMs },
        'the peer does not read its replies; dropping it',
      );
      this.destroy('slow reader');
    }, this.#options.limits.writeTimeoutMs);
  }

  #stopWriteTimer(): void {
    if (this.#writeTimer !== null) clearTimeout(this.#writeTimer);
    this.#writeTimer = null;
  }

  #watchMessage(): void {
    if (!this.#decoder.unfinished || this.#messageTimer !== null) return;
    const { messageTimeoutMs } = this.#options.limits;
    this.#messageTimer = setTimeout(() => {
      this.#messageTimer = null;
      // Where it is we who do not read, the peer cannot be late.
      if (!this.#mayRead) {
        this.#watchMessage();
        return;
      }
      this.#options.log.warn({ timeoutMs: messageTimeoutMs }, 'request unfinished; closing');
      this.#open = false;
      this.#closeReason = 'protocol';
      this.#breakOff(new InvalidMessageError(`the request was not finished within ${messageTimeoutMs} ms`));
      this.#endWhenAnswered();
    }, messageTimeoutMs);
  }

  #stopMessageTimer(): void {
    if (this.#messageTimer !== null) clearTimeout(this.#messageTimer);
    this.#messageTimer = null;
  }

  #changed(): void {
    this.#options.onChange(this);
  }

  #closed(): void {
    this.#open = false;
    this.#stopMessageTimer();
    this.#stopWriteTimer();
    this.#processor.abandon();
    this.#options.onClose(this, this.#closeReason);
  }
}
