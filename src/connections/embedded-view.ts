// The view of connections in the primary's memory, for a host without Redis or while that is away: what each worker has
// reported, and what has happened. It knows nothing of IPC: whoever carries the messages calls `handle`.
import { InvalidMessageError } from '../errors.js';
import { EmbeddedHistory, nothingKnown } from './embedded-history.js';
import { inOrder, pageOf, type WorkerEntry } from './embedded-page.js';
import { hostOf, mayHold } from './filter.js';
import { removalRowsMax } from './limits.js';
import type { CloseReason, PeerRecord, ViewEvent, WorkerRecord } from './record.js';
import type {
  ClosedPage,
  ConnectionsReader,
  EventPage,
  EventQuery,
  PeerPage,
  PeerQuery,
  ViewChanges,
  WorkerReaper,
  WorkersPage,
} from './store.js';
import type { ViewReply, ViewRequest } from './view-messages.js';

export interface EmbeddedViewOptions {
  /** A worker silent for longer is not listed and loses its peers; the next heartbeat brings them back. */
  readonly leaseMs: number;
  /** The ids of the workers that serve: those of them that have not reported are named in what is read. */
  readonly serving?: () => Iterable<string>;
  /** The view lies elsewhere, and workers report here only while that is away; both ways are no news of them. */
  readonly isFallback?: boolean;
  /** Milliseconds since the epoch; it never goes back, so that setting the clock ends no lease. */
  readonly now?: () => number;
}

export class EmbeddedView implements ConnectionsReader, WorkerReaper {
  readonly #leaseMs: number;
  readonly #now: () => number;
  readonly #serving: () => Iterable<string>;
  readonly #isFallback: boolean;
  readonly #workers = new Map<string, WorkerEntry>();
  /** Those that have fallen silent here: the next word of one is news. */
  readonly #silent = new Set<string>();
  /** Null: nothing has been told yet; as a fallback it begins when the first worker reports. */
  #history: EmbeddedHistory | null = null;

  constructor({ leaseMs, serving = () => [], isFallback = false, now = monotonicNow }: EmbeddedViewOptions) {
    this.#leaseMs = leaseMs;
    this.#serving = serving;
    this.#isFallback = isFallback;
    this.#now = now;
    if (!isFallback) this.#history = new EmbeddedHistory(now);
  }

  /** The workers that report here. */
  get workerIds(): string[] {
    return [...this.#workers.keys()];
  }

  /** How many they are. */
  get workerCount(): number {
    return this.#workers.size;
  }

  /** Answers a request of this worker; a wrong one is answered `invalid`, nothing is thrown for it. */
  handle(workerId: string, request: ViewRequest): ViewReply {
    try {
      return this.#answer(workerId, request);
    } catch (error) {
      if (error instanceof InvalidMessageError) return { type: 'invalid', message: error.message };
      throw error;
    }
  }

  #answer(workerId: string, request: ViewRequest): ViewReply {
    switch (request.type) {
      case 'open':
        this.#replace(workerId, request.worker, [], true);
        return { type: 'done' };
      case 'flush':
        this.#apply(workerId, request.changes);
        return { type: 'done' };
      case 'heartbeat':
        return { type: 'heartbeat', answer: this.#renew(workerId, request.worker, request.peerCount) };
      case 'resync':
        this.#replace(
          workerId,
          request.worker,
          request.peers,
          !this.#isFallback || this.#silent.has(workerId),
        );
        return { type: 'done' };
      case 'list':
        return { type: 'page', page: this.#list(request.query) };
      case 'find':
        return { type: 'found', peers: this.#find(request.ids) };
      case 'closed':
        return { type: 'closed', page: this.#known.closed(request.query) };
      case 'events':
        return { type: 'events', page: this.#known.events(request.query) };
      case 'workers':
        return { type: 'workers', page: this.#directory() };
      case 'serving':
        return { type: 'serving', workers: [...this.#serving()], here: this.workerIds };
      case 'close':
        this.#forget(workerId, 'drain', 0);
        return { type: 'done' };
      case 'leave':
        this.#leave(workerId);
        return { type: 'done' };
      default:
        return request satisfies never;
    }
  }

  /** Throws InvalidMessageError for a foreign cursor. */
  #list(query: PeerQuery): PeerPage {
    const { workers, unread, scope } = this.#directory();
    return {
      ...pageOf(this.#workers, query),
      unread: unread.filter((id) => mayHold(id, query.filter)),
      parts: workers
        .filter(({ record }) => mayHold(record.worker, query.filter))
        .map(({ record, ageMs }) => ({ worker: record.worker, ageMs })),
      scope,
    };
  }

  #directory(): WorkersPage {
    this.#removeStale();
    const now = this.#now();
    return {
      workers: inOrder(this.#workers).map(([, { record, lastHeartbeatMs }]) => ({
        record,
        ageMs: Math.max(0, now - lastHeartbeatMs),
      })),
      unread: [...this.#serving()].filter((id) => !this.#workers.has(id)).sort(),
      scope: 'this host',
    };
  }

  /** At once, before the promise is returned. */
  removeWorker(workerId: string, reason: CloseReason): Promise<void> {
    this.#forget(workerId, reason, removalRowsMax);
    this.#silent.delete(workerId);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  // The same for readers in this process.
  async list(query: PeerQuery): Promise<PeerPage> {
    return Promise.resolve(this.#list(query));
  }

  async find(ids: readonly string[]): Promise<readonly PeerRecord[]> {
    return Promise.resolve(this.#find(ids));
  }

  async closed(query: PeerQuery): Promise<ClosedPage> {
    return Promise.resolve(this.#known.closed(query));
  }

  async events(query: EventQuery): Promise<EventPage> {
    return Promise.resolve(this.#known.events(query));
  }

  async workers(): Promise<WorkersPage> {
    return Promise.resolve(this.#directory());
  }

  #find(ids: readonly string[]): PeerRecord[] {
    this.#removeStale();
    const found = new Map<string, PeerRecord>();
    for (const { peers } of this.#workers.values()) {
      for (const id of ids) {
        const peer = peers.get(id);
        if (peer !== undefined) found.set(id, peer);
      }
    }
    return [...found.values()];
  }

  #replace(workerId: string, record: WorkerRecord, peers: readonly PeerRecord[], isNews: boolean): void {
    const isUp = !this.#workers.has(workerId) && isNews;
    this.#past.tell(isUp ? [{ type: 'worker up', ...this.#about(workerId) }] : []);
    this.#silent.delete(workerId);
    this.#workers.set(workerId, {
      record,
      lastHeartbeatMs: this.#now(),
      peers: new Map(peers.map((peer) => [peer.id, peer])),
      order: null,
    });
  }

  /** Changes of a worker that is not in the view are dropped: its next heartbeat is answered `resync`. */
  #apply(workerId: string, { changed, closed, events }: ViewChanges): void {
    this.#past.remember(closed);
    this.#past.tell(events);
    const worker = this.#workers.get(workerId);
    if (worker === undefined) return;
    const sizeBefore = worker.peers.size;
    for (const peer of changed) worker.peers.set(peer.id, peer);
    const grown = worker.peers.size > sizeBefore;
    const gone = closed.filter(({ peer }) => worker.peers.delete(peer.id)).length;
    if (grown || gone > 0) worker.order = null;
  }

  #renew(workerId: string, record: WorkerRecord, peerCount: number): 'ok' | 'resync' {
    const worker = this.#workers.get(workerId);
    if (worker?.peers.size !== peerCount) return 'resync';
    worker.record = record;
    worker.lastHeartbeatMs = this.#now();
    return 'ok';
  }

  #removeStale(): void {
    const oldest = this.#now() - this.#leaseMs;
    for (const [workerId, { lastHeartbeatMs }] of this.#workers) {
      // Its process lives, or the primary would have removed it: it counts as dead until it speaks again.
      if (lastHeartbeatMs >= oldest) continue;
      this.#forget(workerId, 'worker died', removalRowsMax);
      this.#silent.add(workerId);
    }
  }

  /** `rowsMax`: at most so many of its peers go to the history. */
  #forget(workerId: string, reason: CloseReason, rowsMax: number): void {
    const worker = this.#workers.get(workerId);
    if (worker === undefined) return;
    this.#workers.delete(workerId);
    const closed_at = this.#now();
    const rows = [...worker.peers.values()].slice(0, rowsMax);
    this.#past.remember(rows.map((peer) => ({ peer, reason, closed_at })));
    this.#past.tell([{ type: 'worker down', ...this.#about(workerId), reason, peers: worker.peers.size }]);
  }

  #about(workerId: string): Pick<ViewEvent, 'at' | 'host' | 'worker'> {
    return { at: this.#now(), host: hostOf(workerId), worker: workerId };
  }

  /** What has happened here is known from the first report to the last; what comes between is known elsewhere. */
  #leave(workerId: string): void {
    this.#workers.delete(workerId);
    this.#silent.delete(workerId);
    if (this.#workers.size === 0 && this.#isFallback) this.#history = null;
  }

  /** To be read: looking begins no history, or it would claim to know what has been told elsewhere. */
  get #known(): Pick<EmbeddedHistory, 'closed' | 'events'> {
    return this.#history ?? nothingKnown;
  }

  get #past(): EmbeddedHistory {
    return (this.#history ??= new EmbeddedHistory(this.#now));
  }
}

function monotonicNow(): number {
  return Math.floor(performance.timeOrigin + performance.now());
}
