// A worker's side of the view that the primary keeps: each method is one request over the IPC channel, which
// whoever builds the cluster provides.
import { InvalidMessageError, StoreUnavailableError } from '../errors.js';
import type { PeerRecord, WorkerRecord } from './record.js';
import type { MemoryStore } from './fallback-store.js';
import type { Serving } from './serving-reader.js';
import type {
  ClosedPage,
  EventPage,
  EventQuery,
  PeerPage,
  PeerQuery,
  ViewChanges,
  WorkersPage,
} from './store.js';
import type { ViewReply, ViewRequest } from './view-messages.js';

/** Carries requests to the primary and its replies back, in order; rejects where the primary is gone. */
export interface ViewChannel {
  request(message: ViewRequest): Promise<ViewReply>;
}

export interface EmbeddedStoreOptions {
  /** A request that takes longer has failed. */
  readonly requestTimeoutMs: number;
}

export class EmbeddedStore implements MemoryStore {
  readonly kind = 'embedded';
  readonly #channel: ViewChannel;
  readonly #requestTimeoutMs: number;
  /** A write has failed: what the primary holds is anybody's guess until the next resync. */
  #behind = false;

  constructor(channel: ViewChannel, { requestTimeoutMs }: EmbeddedStoreOptions) {
    this.#channel = channel;
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  async open(worker: WorkerRecord): Promise<void> {
    await this.#write({ type: 'open', worker });
  }

  async flush(changes: ViewChanges): Promise<void> {
    await this.#write({ type: 'flush', changes });
  }

  async heartbeat(worker: WorkerRecord, peerCount: number): Promise<'ok' | 'resync'> {
    const reply = await this.#write({ type: 'heartbeat', worker, peerCount });
    if (reply.type !== 'heartbeat') throw unexpected(reply);
    return this.#behind ? 'resync' : reply.answer;
  }

  async resync(worker: WorkerRecord, peers: readonly PeerRecord[]): Promise<void> {
    // First: a write that fails while this one is on its way leaves the view behind again.
    this.#behind = false;
    await this.#write({ type: 'resync', worker, peers });
  }

  async list(query: PeerQuery): Promise<PeerPage> {
    const reply = await this.#ask({ type: 'list', query });
    if (reply.type !== 'page') throw unexpected(reply);
    return reply.page;
  }

  async find(ids: readonly string[]): Promise<readonly PeerRecord[]> {
    const reply = await this.#ask({ type: 'find', ids });
    if (reply.type !== 'found') throw unexpected(reply);
    return reply.peers;
  }

  async closed(query: PeerQuery): Promise<ClosedPage> {
    const reply = await this.#ask({ type: 'closed', query });
    if (reply.type !== 'closed') throw unexpected(reply);
    return reply.page;
  }

  async events(query: EventQuery): Promise<EventPage> {
    const reply = await this.#ask({ type: 'events', query });
    if (reply.type !== 'events') throw unexpected(reply);
    return reply.page;
  }

  async workers(): Promise<WorkersPage> {
    const reply = await this.#ask({ type: 'workers' });
    if (reply.type !== 'workers') throw unexpected(reply);
    return reply.page;
  }

  async serving(): Promise<Serving> {
    const reply = await this.#ask({ type: 'serving' });
    if (reply.type !== 'serving') throw unexpected(reply);
    return { workers: reply.workers, away: reply.here };
  }

  async close(): Promise<void> {
    try {
      await this.#ask({ type: 'close' });
    } catch (error) {
      // The primary is gone, and the view with it.
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
  }

  /** Takes this worker out of the primary's memory without a word in its history. Rejects with StoreUnavailableError. */
  async leave(): Promise<void> {
    await this.#write({ type: 'leave' });
  }

  async #write(request: ViewRequest): Promise<ViewReply> {
    try {
      return await this.#ask(request);
    } catch (error) {
      this.#behind = true;
      throw error;
    }
  }

  async #ask(request: ViewRequest): Promise<ViewReply> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`no answer within ${this.#requestTimeoutMs} ms`));
      }, this.#requestTimeoutMs);
    });
    try {
      return await Promise.race([this.#channel.request(request), timeout]);
    } catch (cause) {
      throw new StoreUnavailableError(`the primary did not answer a request (${request.type}) of the view`, {
        cause,
      });
    } finally {
      clearTimeout(timer);
    }
  }
}

function unexpected(reply: ViewReply): Error {
  if (reply.type === 'invalid') return new InvalidMessageError(reply.message);
  return new StoreUnavailableError(`the primary answered with the wrong message (${reply.type})`);
}
