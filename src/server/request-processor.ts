// The requests of one peer: parsed, passed through the gate, run in their turn, answered in their order. The one
// place where an error becomes a reply. It knows no socket; Peer gives it messages and takes replies.
import {
  CancelledError,
  DeadlineError,
  describeError,
  InternalError,
  InvalidMessageError,
  toWireError,
  type WireError,
} from '../errors.js';
import type { CommandRegistry } from '../handlers/base-handler.js';
import type { TextDecode } from '../text-encoding.js';
import { encodeReply, refusal, type Reply } from '../protocol/reply.js';
import { parseRequest, type ParsedRequest, type RequestId } from '../protocol/request.js';
import { Exchange } from './exchange.js';
import { assertPermitted } from './gate.js';
import type { PeerStats } from './peer-stats.js';

export interface ProcessorOptions {
  readonly registry: CommandRegistry;
  readonly decode: TextDecode;
  readonly replyTerminator: string;
  readonly maxImageBytes: number;
  readonly requestTimeoutMs: number;
  /** Images of this peer that may run at a time; more of its requests wait. */
  readonly maxQueuedImages: number;
  /** Bytes that may be held for what runs; more of its requests wait. */
  readonly maxInFlightBytes: number;
  /** Requests that may be started and not answered; more of them wait. */
  readonly maxPendingRequests: number;
  /** Throws BusyError where the whole server has no room for so many images. */
  readonly assertRoom: (images: number) => void;
}

export interface ProcessorEvents {
  /** A reply, in its order. */
  readonly onReply: (bytes: Buffer) => void;
  /** Something was answered or released: the peer may be read again, or is done. */
  readonly onProgress: () => void;
  /** A fault of our own, for the log. */
  readonly onFault: (command: string, reason: string) => void;
}

/** What the framing has to do with the bytes behind a message. */
export type Followup =
  | { readonly type: 'none' }
  | { readonly type: 'attachments'; readonly sizes: readonly number[]; readonly keep: boolean }
  /** The next request cannot be found: answer what is owed, then close. */
  | { readonly type: 'close' };

/** A place in the order of replies. */
interface Place {
  readonly exchange: Exchange | null;
  /** True until its exchange is started. */
  waiting: boolean;
  reply: Buffer | null;
  /** What it counts towards the bytes that its peer may send ahead; 0 once it is started within the limits. */
  aheadBytes: number;
}

/** What a request or refusal costs at least while it waits, however short its message was: some objects and timers. */
const placeBytesMin = 2048;

export class RequestProcessor {
  readonly #options: ProcessorOptions;
  readonly #events: ProcessorEvents;
  readonly #stats: PeerStats;
  readonly #places: Place[] = [];
  /** What waits to be started, each kind in order. */
  readonly #waitingClassifications: Place[] = [];
  readonly #waitingReads: Place[] = [];
  #attaching: Exchange | null = null;
  #runningImages = 0;
  #runningBytes = 0;
  #runningReads = 0;
  #aheadBytes = 0;
  #heldBytes = 0;
  #abandoned = false;

  constructor(options: ProcessorOptions, stats: PeerStats, events: ProcessorEvents) {
    this.#options = options;
    this.#stats = stats;
    this.#events = events;
  }

  /** Bytes taken beyond the limits: requests that wait, and refusals behind them. */
  get aheadBytes(): number {
    return this.#aheadBytes;
  }

  /** Bytes of images and of the messages that asked for them, held for this peer until they are answered. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Requests that are not answered yet. */
  get owed(): number {
    return this.#places.length;
  }

  /** Takes a message of nested objects and arrays `depth` deep; `bytes` are not used after the call. */
  accept(bytes: Buffer, depth: number): Followup {
    const { decode, maxImageBytes } = this.#options;
    const parsed = parseRequest(bytes, depth, decode, maxImageBytes);
    this.#stats.requests++;
    const sizes = parsed.attachments;
    const accepted = this.#admit(parsed, sizes === 'unknown' ? 0 : sizes.length, bytes.length);
    if (sizes === 'unknown') return { type: 'close' };
    return sizes.length === 0 ? { type: 'none' } : { type: 'attachments', sizes, keep: accepted };
  }

  /** Takes the next image that is attached to the last message. */
  attach(bytes: Uint8Array<ArrayBuffer>): void {
    const exchange = this.#attaching;
    if (exchange === null || exchange.stopped) return;
    this.#heldBytes += bytes.length;
    exchange.attach(bytes);
    if (!exchange.complete) return;
    this.#attaching = null;
    exchange.startDeadline(this.#options.requestTimeoutMs);
  }

  /** Answers something that is no request, in its order. */
  refuse(error: WireError, requestId: RequestId | null = null): void {
    this.#stats.errors++;
    const reply = this.#encode(refusal(error.code, error.message, requestId));
    const aheadBytes = this.#isFull ? Math.max(reply.length, placeBytesMin) : 0;
    this.#places.push({ exchange: null, waiting: false, reply, aheadBytes });
    this.#aheadBytes += aheadBytes;
    this.#flush();
  }

  /** Answers the request whose attached images will not all come; false where there is none. */
  breakOff(error: WireError): boolean {
    if (this.#attaching === null) return false;
    this.#attaching.fail(error);
    this.#attaching = null;
    this.#startWaiting();
    return true;
  }

  /** Answers every image that has no verdict yet, because there is no more time. */
  giveUp(): void {
    this.#stopAll(new DeadlineError('the server is stopping'));
  }

  /** The peer is gone: whatever runs for it is dropped. */
  abandon(): void {
    this.#abandoned = true;
    this.#stopAll(new CancelledError('the peer is gone'));
    this.#places.length = 0;
    this.#waitingReads.length = 0;
  }

  /** True where the request will be run, false where it was answered with an error. */
  #admit(parsed: ParsedRequest, attachmentCount: number, messageBytes: number): boolean {
    try {
      if (!parsed.ok) throw parsed.error;
      if (parsed.attachments === 'unknown') {
        throw new InvalidMessageError(
          `classification: bytes must be a whole number from 1 to ${this.#options.maxImageBytes}`,
        );
      }
      const { request } = parsed;
      const command = this.#options.registry.find(request.cmd);
      assertPermitted(this.#stats.role, command.role, command.name);
      const prepared = command.prepare(request.args);
      this.#options.assertRoom(prepared.images);
      this.#enqueue(
        new Exchange({
          request,
          command,
          prepared,
          attachmentCount,
          messageBytes,
          onRelease: (bytes) => {
            this.#release(bytes);
          },
          onDeadline: () => {
            this.#startWaiting();
          },
        }),
      );
      return true;
    } catch (error) {
      const requestId = parsed.ok ? parsed.request.requestId : parsed.requestId;
      this.refuse(this.#wireError('a request', error), requestId);
      return false;
    }
  }

  #enqueue(exchange: Exchange): void {
    const aheadBytes = Math.max(exchange.messageBytes, placeBytesMin);
    const place: Place = { exchange, waiting: true, reply: null, aheadBytes };
    this.#places.push(place);
    this.#aheadBytes += aheadBytes;
    switch (exchange.command.order) {
      case 'stop':
        this.#start(place, exchange);
        return;
      case 'read':
        this.#waitingReads.push(place);
        break;
      case 'classification':
        this.#waitingClassifications.push(place);
        this.#stats.inFlight += exchange.images;
        // An image inside a message is as heavy as one behind it.
        this.#heldBytes += exchange.messageBytes;
        if (exchange.complete) exchange.startDeadline(this.#options.requestTimeoutMs);
        else this.#attaching = exchange;
        break;
      default:
        exchange.command.order satisfies never;
    }
    this.#startWaiting();
  }

  /** Starts what waits as long as there is room: reads one at a time, classifications side by side. */
  #startWaiting(): void {
    startAll(this.#waitingReads, (place) => this.#runningReads === 0 && this.#mayStart(place), this.#start);
    startAll(
      this.#waitingClassifications,
      (place, exchange) => exchange.stopped || (this.#hasRoom(exchange) && this.#mayStart(place)),
      this.#start,
    );
  }

  readonly #start = (place: Place, exchange: Exchange): void => {
    place.waiting = false;
    this.#aheadBytes -= place.aheadBytes;
    place.aheadBytes = 0;
    if (exchange.command.order === 'read') this.#runningReads++;
    if (exchange.command.order === 'classification') {
      this.#runningImages += exchange.images;
      this.#runningBytes += exchange.messageBytes;
    }
    void this.#run(exchange, place);
  };

  /** Whether as many requests as allowed are started and not answered. */
  get #isFull(): boolean {
    const waiting = this.#waitingReads.length + this.#waitingClassifications.length;
    return this.#places.length - waiting >= this.#options.maxPendingRequests;
  }

  /** The next one to be answered always may, or the others would wait for it for ever. */
  #mayStart(place: Place): boolean {
    return !this.#isFull || place === this.#places[0];
  }

  async #run(exchange: Exchange, place: Place): Promise<void> {
    const { command, request } = exchange;
    let reply: Reply;
    try {
      const items = await exchange.run({
        owner: this,
        onImage: (result) => {
          this.#countImage(result);
        },
        stopClassifications: () => {
          this.#stopAll(new CancelledError('stopped by 0x03'));
        },
      });
      if (exchange.failure !== null) throw exchange.failure;
      reply = { cmd: command.replyCode, items, requestId: request.requestId };
    } catch (error) {
      const { code, message } = this.#wireError(command.name, error);
      this.#stats.errors++;
      reply = refusal(code, message, request.requestId);
    }
    exchange.end();
    if (command.order === 'read') this.#runningReads--;
    if (command.order === 'classification') {
      this.#runningImages -= exchange.images;
      this.#runningBytes -= exchange.messageBytes;
      this.#stats.inFlight -= exchange.images;
      this.#heldBytes -= exchange.messageBytes;
      this.#stats.lastLatencyMs = performance.now() - exchange.receivedAt;
    }
    if (this.#abandoned) return;
    place.reply = this.#encode(reply);
    this.#flush();
  }

  /** Whether the limits of images and bytes let it run; a lone one always may. */
  #hasRoom(exchange: Exchange): boolean {
    const { maxQueuedImages, maxInFlightBytes } = this.#options;
    return (
      this.#runningImages === 0 ||
      (this.#runningImages + exchange.images <= maxQueuedImages &&
        this.#runningBytes + exchange.messageBytes <= maxInFlightBytes)
    );
  }

  /** Sends the replies that are due, in the order of requests. */
  #flush(): void {
    for (;;) {
      const place = this.#places[0];
      if (place === undefined || place.reply === null) break;
      this.#places.shift();
      this.#aheadBytes -= place.aheadBytes;
      this.#events.onReply(place.reply);
    }
    this.#startWaiting();
    this.#events.onProgress();
  }

  #stopAll(reason: WireError): void {
    for (const { exchange } of this.#places) {
      if (exchange?.command.order === 'classification') exchange.stop(reason);
    }
    this.#startWaiting();
  }

  #countImage(result: number | null): void {
    this.#stats.images++;
    if (result === null) this.#stats.errors++;
    else this.#stats.lastResult = result;
  }

  #release(bytes: number): void {
    if (bytes === 0) return;
    this.#heldBytes -= bytes;
    this.#events.onProgress();
  }

  #encode(reply: Reply): Buffer {
    return encodeReply(reply, this.#options.replyTerminator);
  }

  #wireError(command: string, error: unknown): WireError {
    const wireError = toWireError(error);
    if (wireError instanceof InternalError) this.#events.onFault(command, describeError(error));
    return wireError;
  }
}

/** Starts the first places of `waiting`, in order, as long as `may` says so. */
function startAll(
  waiting: Place[],
  may: (place: Place, exchange: Exchange) => boolean,
  start: (place: Place, exchange: Exchange) => void,
): void {
  for (;;) {
    const place = waiting[0];
    if (!place?.exchange || !may(place, place.exchange)) return;
    waiting.shift();
    start(place, place.exchange);
  }
}
