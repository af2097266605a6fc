// The requests of one peer: parsed, passed through the gate, run in their turn, answered in their order. Errors
// become replies here and nowhere else. It knows no socket; Peer gives it messages and takes replies.
import { CancelledError, DeadlineError, PeerGoneError, WireError } from '../../errors.js';
import { giveMemoryBack } from '../../image-memory.js';
import { encodeReply, refusal, type Reply } from '../../protocol/reply.js';
import { parseRequest, type Message, type ParsedRequest, type RequestId } from '../../protocol/request.js';
import { admit, open } from './admission.js';
import { Exchange } from './exchange.js';
import { PeerLoad } from './peer-load.js';
import { placeBytesMin, type Place } from './place.js';
import type { PeerStats } from '../peer/peer-stats.js';
import type { Followup, ProcessorEvents, ProcessorOptions } from './processor-options.js';
import type { RoomShare } from '../room.js';
import { RequestOrder, type StartRules } from './request-order.js';
import { showToken } from './show-token.js';
import { toldError } from './told-error.js';

export class RequestProcessor implements StartRules<Place> {
  readonly #options: ProcessorOptions;
  /** What this peer holds of the worker's room. */
  readonly #share: RoomShare;
  readonly #events: ProcessorEvents;
  readonly #stats: PeerStats;
  readonly #order: RequestOrder<Place>;
  /** What this peer has under way. */
  readonly load: PeerLoad;
  #attaching: Exchange | null = null;
  #abandoned = false;
  /** Whether a request that was stopped before it was started is being answered. */
  #unjudged = false;
  /** Why nothing is judged any more; null as long as it is. */
  #givenUp: DeadlineError | null = null;

  constructor(options: ProcessorOptions, share: RoomShare, stats: PeerStats, events: ProcessorEvents) {
    this.#options = options;
    this.#share = share;
    this.#stats = stats;
    this.#events = events;
    this.load = new PeerLoad(options);
    this.#order = new RequestOrder<Place>(this);
  }

  // What its order asks: whether and how the next request may start.

  get maxStarted(): number {
    return this.#options.maxPendingRequests;
  }

  mayStart(): boolean {
    return !this.#abandoned && !this.#events.isBackedUp && this.#events.mayGoOn;
  }

  mayStartBehind(): boolean {
    return !this.load.repliesFull && this.#share.mayGrow;
  }

  /** One that is stopped is only to be answered: one at a time, since many may be stopped together. */
  hasRoom({ exchange }: Place): boolean {
    if (exchange === null) return true;
    if (exchange.stopped) return !this.#unjudged;
    return this.load.hasRoom(exchange.images, exchange.messageBytes);
  }

  start(place: Place): void {
    const { exchange } = place;
    if (exchange === null) return;
    // A 0x03 is started beyond the limits: it counts until its reply is out.
    if (place.order !== 'stop') {
      this.load.aheadBytes -= place.aheadBytes;
      place.aheadBytes = 0;
    }
    const isUnjudged = place.order === 'classification' && exchange.stopped;
    if (isUnjudged) this.#unjudged = true;
    if (place.order === 'classification') {
      this.load.started(exchange);
      this.#share.countImages(exchange.images);
    }
    void this.#run(exchange, place, isUnjudged);
  }

  /** Requests that are not answered yet. */
  get owed(): number {
    return this.#order.length;
  }

  /** Whether the role may become another one before what comes next is asked for its own. */
  get mayRise(): boolean {
    return this.#order.hasBarrier;
  }

  /** Takes a message, whose bytes are not used after the call. */
  accept(message: Message): Followup {
    const parsed = parseRequest(message, this.#options);
    this.#stats.requests++;
    const sizes = parsed.attachments;
    const keep = this.#admit(parsed, message.bytes.length);
    if (sizes === 'unknown') return { type: 'close' };
    return sizes.length === 0 ? { type: 'none' } : { type: 'attachments', sizes, keep };
  }

  /** Takes the next image that is attached to the last message. */
  attach(bytes: Uint8Array): void {
    const exchange = this.#attaching;
    if (exchange?.attach(bytes) === true) this.load.heldBytes += bytes.length;
    else giveMemoryBack(bytes);
    if (exchange === null) return;
    if (!exchange.complete) return;
    this.#attaching = null;
    exchange.startDeadline(this.#options.requestTimeoutMs);
  }

  /** Answers something that is no request, in its order. */
  refuse(error: WireError, requestId: RequestId | null = null): void {
    this.#stats.errors++;
    const reply = this.#encode(refusal(error.code, error.message, requestId));
    const aheadBytes = Math.max(reply.length, placeBytesMin);
    this.load.aheadBytes += aheadBytes;
    this.#order.add({ order: 'refusal', exchange: null, reply, aheadBytes, replyBytes: 0 });
    this.#flush();
  }

  /** Answers the request whose attached images will not all come; false where there is none. */
  breakOff(error: WireError): boolean {
    if (this.#attaching === null) return false;
    this.#attaching.fail(error);
    this.#attaching = null;
    this.#order.startWaiting();
    return true;
  }

  /** The peer takes replies again. */
  resume(): void {
    this.#order.startWaiting();
  }

  /** Answers every image that has no verdict yet, because there is no more time. */
  giveUp(): void {
    this.#givenUp = new DeadlineError('the server is stopping');
    this.#stopAll(this.#givenUp);
  }

  /** The peer is gone: whatever runs for it is dropped. */
  abandon(): void {
    this.#abandoned = true;
    // Most connections owe nothing at their end, and an error with its stack is dear.
    if (this.owed === 0) return;
    this.#stopAll(new PeerGoneError());
    // What was started ends by itself; nobody will start the others.
    for (const { exchange } of this.#order) {
      if (exchange !== null && !exchange.started) this.#end(exchange);
    }
    this.#order.clear();
  }

  /** True where the bytes attached to the request are wanted, false where it is refused already. */
  #admit(parsed: ParsedRequest, messageBytes: number): boolean {
    try {
      if (!parsed.ok) throw parsed.error;
      const { requestId, detail } = parsed.request;
      const admitted = admit(parsed, this.#stats.role, {
        registry: this.#options.registry,
        maxImageBytes: this.#options.maxImageBytes,
        mayRise: ({ order }) => this.mayRise && order !== 'stop',
        assertRoom: (images) => {
          this.#assertRoom(images, messageBytes);
        },
      });
      const { command, prepared } = admitted;
      const isSound = !(prepared instanceof WireError);
      const exchange: Exchange = new Exchange({
        requestId,
        detail,
        command,
        images: isSound ? prepared.images : 0,
        open: () => {
          const opened = open(admitted, this.#stats.role);
          // A request that waited for its peer's own limits may find the server full at its turn.
          if (opened.images > 0 && !exchange.stopped) this.#share.assertImages(0);
          return opened;
        },
        attachmentCount: isSound && parsed.attachments !== 'unknown' ? parsed.attachments.length : 0,
        messageBytes,
        onRelease: (bytes) => {
          this.#release(bytes);
        },
      });
      this.#enqueue(exchange);
      return isSound;
    } catch (error) {
      const requestId = parsed.ok ? parsed.request.requestId : parsed.requestId;
      this.refuse(toldError('a request', error, this.#events), requestId);
      return false;
    }
  }

  /** Throws BusyError where the whole server has no room. What a peer's own limits hold back finds out at its turn. */
  #assertRoom(images: number, messageBytes: number): void {
    this.#share.assertBytes();
    if (this.load.hasRoom(images, messageBytes)) this.#share.assertImages(images);
  }

  #enqueue(exchange: Exchange): void {
    const { order } = exchange.command;
    const aheadBytes = Math.max(exchange.messageBytes, placeBytesMin);
    this.load.aheadBytes += aheadBytes;
    if (order === 'classification') {
      this.#stats.inFlight += exchange.images;
      this.load.images += exchange.images;
      // An image inside a message is as heavy as one behind it.
      this.load.heldBytes += exchange.messageBytes;
      if (this.#givenUp !== null) exchange.stop(this.#givenUp);
      if (exchange.complete) exchange.startDeadline(this.#options.requestTimeoutMs);
      else this.#attaching = exchange;
    }
    this.#order.add({ order, exchange, reply: null, aheadBytes, replyBytes: 0 });
  }

  async #run(exchange: Exchange, place: Place, isUnjudged: boolean): Promise<void> {
    const { command, requestId } = exchange;
    let reply: Reply;
    try {
      const items = await exchange.run({
        owner: this,
        name: this.#stats.name,
        authenticate: (token) =>
          showToken(token, {
            authenticator: this.#options.authenticator,
            stats: this.#stats,
            isGone: () => this.#abandoned,
            onAuthenticated: () => {
              this.#events.onAuthenticated();
            },
          }),
        onImage: (result) => {
          this.#stats.countImage(result);
        },
        stopClassifications: () => {
          this.#stopAll(new CancelledError('stopped by 0x03'));
        },
      });
      if (exchange.failure !== null) throw exchange.failure;
      reply = { cmd: command.replyCode, items, requestId };
    } catch (error) {
      const { code, message } = toldError(command.name, error, this.#events);
      this.#stats.errors++;
      reply = refusal(code, message, requestId);
    }
    if (isUnjudged) this.#unjudged = false;
    if (command.order === 'read') this.#order.readDone();
    if (command.order === 'classification') {
      this.load.ended(exchange);
      this.#share.countImages(-exchange.images);
      this.#stats.lastLatencyMs = performance.now() - exchange.receivedAt;
    }
    this.#end(exchange);
    if (this.#abandoned) return;
    place.reply = this.#encode(reply);
    place.replyBytes = place.reply.length;
    this.load.replyBytes += place.replyBytes;
    this.#flush();
  }

  /** Gives back what was counted for a request. */
  #end(exchange: Exchange): void {
    exchange.end();
    if (exchange.command.order !== 'classification') return;
    this.#stats.inFlight -= exchange.images;
    this.load.images -= exchange.images;
    this.load.heldBytes -= exchange.messageBytes;
  }

  /** Sends the replies that are due, in the order of requests. */
  #flush(): void {
    for (let place = this.#order.takeAnswered(); place !== undefined; place = this.#order.takeAnswered()) {
      this.load.aheadBytes -= place.aheadBytes;
      this.load.replyBytes -= place.replyBytes;
      if (place.reply !== null) this.#events.onReply(place.reply);
    }
    this.#order.startWaiting();
    this.#events.onProgress();
  }

  #stopAll(reason: WireError): void {
    for (const { exchange } of this.#order) {
      if (exchange?.command.order === 'classification') exchange.stop(reason);
    }
    this.#order.startWaiting();
  }

  #release(bytes: number): void {
    if (bytes === 0) return;
    this.load.heldBytes -= bytes;
    this.#events.onProgress();
  }

  #encode(reply: Reply): Buffer {
    return encodeReply(reply, this.#options.replyTerminator);
  }
}
