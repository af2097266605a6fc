// A worker's part in the view of connections: it collects what changes on its peers, writes it in batches, renews
// its lease, and sends everything again where the store has lost it. Serving never waits for the store.
import { setTimeout as wait } from 'node:timers/promises';
import type {
  ClosedPeer,
  CloseReason,
  PeerRecord,
  PeerState,
  ViewEvent,
  WorkerRecord,
} from '../connections/record.js';
import type {
  ClosedPage,
  ConnectionsReader,
  ConnectionStore,
  EventPage,
  EventQuery,
  PeerPage,
  PeerQuery,
  WorkersPage,
} from '../connections/store.js';
import { StoreUnavailableError } from '../errors.js';
import type { Logger } from '../log.js';
import type { PeerStats } from './peer/peer-stats.js';

/** For the last words to the store: what waits for its turn, what has not been told, and that this worker ends. */
const stopLimitMs = 3_000;

export interface ConnectionManagerOptions {
  readonly store: ConnectionStore;
  /** This worker as it is now. */
  readonly describeWorker: () => WorkerRecord;
  readonly flushIntervalMs: number;
  readonly heartbeatIntervalMs: number;
  readonly log: Logger;
}

export class ConnectionManager implements ConnectionsReader {
  readonly #options: ConnectionManagerOptions;
  /** Each with the state that has been told of it. */
  readonly #peers = new Map<PeerStats, PeerState>();
  #changed = new Set<PeerStats>();
  #closed: ClosedPeer[] = [];
  #events: ViewEvent[] = [];
  /** Peers that the store has been told of. */
  #reported = new Set<string>();
  #timers: NodeJS.Timeout[] = [];
  /** Writes happen one after the other; this is the last one. */
  #turn: Promise<void> = Promise.resolve();
  /** One of each kind may wait for its turn; more would only queue up behind a store that is slow, heartbeats with them. */
  #nextFlush: Promise<void> | null = null;
  #beating = false;

  constructor(options: ConnectionManagerOptions) {
    this.#options = options;
  }

  /** Resolves when the worker stands in the directory, or the store has failed once: serving goes on without it. */
  async start(): Promise<void> {
    const { store, describeWorker, flushIntervalMs, heartbeatIntervalMs } = this.#options;
    store.onBack?.(() => void this.announce());
    await this.#write(() => store.open(describeWorker()));
    this.#timers = [
      setInterval(() => {
        this.#flushSoon();
      }, flushIntervalMs),
      // Somewhere within its interval: workers that start together would send everything together, too, where the store is empty.
      setTimeout(() => {
        this.#heartbeatSoon();
        const beats = setInterval(() => {
          this.#heartbeatSoon();
        }, heartbeatIntervalMs);
        this.#timers.push(beats);
      }, Math.random() * heartbeatIntervalMs),
    ];
  }

  /** Peers of this worker. */
  get peerCount(): number {
    return this.#peers.size;
  }

  opened(peer: PeerStats): void {
    this.#peers.set(peer, peer.state);
    this.#changed.add(peer);
    this.#tell(peer, { type: peer.state });
  }

  changed(peer: PeerStats): void {
    const told = this.#peers.get(peer);
    if (told === undefined) return;
    this.#changed.add(peer);
    const { state } = peer;
    if (state === told) return;
    this.#peers.set(peer, state);
    this.#tell(peer, { type: state });
  }

  /** Somebody disconnects the peer; `gone` follows. */
  kicked(peer: PeerStats, by: string): void {
    this.#tell(peer, { type: 'kicked', by });
  }

  gone(peer: PeerStats, reason: CloseReason): void {
    this.#peers.delete(peer);
    this.#changed.delete(peer);
    this.#closed.push({ peer: peer.record(), reason, closed_at: Date.now() });
    this.#tell(peer, { type: 'closed', reason });
  }

  /** This worker judges by another model from now on. */
  modelChanged(): void {
    const { host, worker, model } = this.#options.describeWorker();
    this.#events.push({ type: 'model changed', at: Date.now(), host, worker, model });
    // Its record names the model, too.
    void this.announce();
  }

  /**
   * One page of the peers of all workers, this worker's as they are now. Throws InvalidMessageError,
   * StoreUnavailableError.
   */
  async list(query: PeerQuery): Promise<PeerPage> {
    await this.#flushInTurn();
    return this.#options.store.list(query);
  }

  /** Those that are there, this worker's as they are now. */
  async find(ids: readonly string[]): Promise<readonly PeerRecord[]> {
    await this.#flushInTurn();
    return this.#options.store.find(ids);
  }

  async closed(query: PeerQuery): Promise<ClosedPage> {
    await this.#flushInTurn();
    return this.#options.store.closed(query);
  }

  async events(query: EventQuery): Promise<EventPage> {
    await this.#flushInTurn();
    return this.#options.store.events(query);
  }

  /** All workers that are known; this one alone where the store does not answer. */
  async workers(): Promise<WorkersPage> {
    try {
      return await this.#options.store.workers();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      const own = { record: this.#options.describeWorker(), ageMs: 0 };
      return { workers: [own], unread: [], scope: 'this host' };
    }
  }

  /** Tells the store now how this worker is doing, not at the next heartbeat. */
  async announce(): Promise<void> {
    await this.#write(() => this.#heartbeat());
  }

  /**
   * Removes this worker and its peers from the view. A store that hangs does not hold up the worker's end: its lease
   * runs out, and whoever meets it removes it.
   */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    void this.#write(() => this.#flush());
    const closed = this.#write(() => this.#options.store.close());
    const late = new AbortController();
    const limit = wait(stopLimitMs, 'late', { signal: late.signal }).catch(() => 'closed');
    if ((await Promise.race([closed, limit])) === 'late') {
      this.#options.log.warn({ limitMs: stopLimitMs }, 'the store of connections hangs; ending without it');
    }
    late.abort();
  }

  #flushSoon(): void {
    if (this.#changed.size > 0 || this.#events.length > 0) void this.#flushInTurn();
  }

  /** A flush that has not come to its turn yet takes along what another one would have written. */
  #flushInTurn(): Promise<void> {
    this.#nextFlush ??= this.#write(() => {
      this.#nextFlush = null;
      return this.#flush();
    });
    return this.#nextFlush;
  }

  async #flush(): Promise<void> {
    const changed = [...this.#changed].map((peer) => peer.record());
    const [closed, events] = [this.#closed, this.#events];
    this.#changed = new Set();
    this.#closed = [];
    this.#events = [];
    for (const { id } of changed) this.#reported.add(id);
    for (const { peer } of closed) this.#reported.delete(peer.id);
    if (changed.length === 0 && events.length === 0) return;
    try {
      await this.#options.store.flush({ changed, closed, events });
    } catch (error) {
      // At once, since a list may wait for it: the store may have found another place for everything.
      this.#onFailure(error);
      await this.#heartbeat();
    }
  }

  #tell({ origin }: PeerStats, event: Pick<ViewEvent, 'type' | 'reason' | 'by'>): void {
    const { id, host, worker, address, port } = origin;
    this.#events.push({ ...event, at: Date.now(), host, worker, peer: id, address, port });
  }

  #heartbeatSoon(): void {
    if (this.#beating) return;
    this.#beating = true;
    void this.#write(() => this.#heartbeat());
  }

  async #heartbeat(): Promise<void> {
    this.#beating = false;
    const { store, describeWorker } = this.#options;
    if ((await store.heartbeat(describeWorker(), this.#reported.size)) === 'ok') return;
    const peers: PeerRecord[] = [...this.#peers.keys()].map((peer) => peer.record());
    this.#changed = new Set();
    this.#reported = new Set(peers.map(({ id }) => id));
    await store.resync(describeWorker(), peers);
    this.#options.log.info({ peers: peers.length }, 'sent all connections to the store again');
  }

  /** Does `work` in its turn. What fails because of the store it makes good itself: a later heartbeat says `resync`. */
  #write(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work).catch((error: unknown) => {
      this.#onFailure(error);
    });
    return this.#turn;
  }

  #onFailure(error: unknown): void {
    if (!(error instanceof StoreUnavailableError)) throw error;
    this.#options.log.debug({ reason: error.message }, 'the store of connections did not answer');
  }
}
