// The view of connections in the primary's memory, for a host without Redis: what each worker has reported,
// and the last peers that closed. It knows nothing of IPC: whoever carries the messages calls `handle`.
import { z } from 'zod';
import { InvalidMessageError } from '../errors.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import { hostOf, matches, mayHold } from './filter.js';
import { EmbeddedHistory } from './embedded-history.js';
import { removalRowsMax } from './limits.js';
import type { CloseReason, PeerRecord, ViewEvent, WorkerRecord, WorkerView } from './record.js';
import type {
  ClosedPage,
  ConnectionsReader,
  EventPage,
  EventQuery,
  PeerPage,
  PeerQuery,
  ViewChanges,
  WorkerReaper,
} from './store.js';
import type { ViewReply, ViewRequest } from './view-messages.js';

export interface EmbeddedViewOptions {
  /** A worker silent for longer is not listed and loses its peers; the next heartbeat brings them back. */
  readonly leaseMs: number;
  /** Milliseconds since the epoch; it never goes back, so that setting the clock ends no lease. */
  readonly now?: () => number;
}

interface WorkerEntry {
  record: WorkerRecord;
  lastHeartbeatMs: number;
  peers: Map<string, PeerRecord>;
  /** The ids of `peers` in order; null: to be sorted again, since one came or went. */
  order: readonly string[] | null;
}

/** The last peer of the page before. */
const placeSchema = z.strictObject({ store: z.literal('embedded'), worker: z.string(), peer: z.string() });
type Place = z.output<typeof placeSchema>;

export class EmbeddedView implements ConnectionsReader, WorkerReaper {
  readonly #leaseMs: number;
  readonly #now: () => number;
  readonly #workers = new Map<string, WorkerEntry>();
  readonly #history: EmbeddedHistory;

  constructor({ leaseMs, now = monotonicNow }: EmbeddedViewOptions) {
    this.#leaseMs = leaseMs;
    this.#now = now;
    this.#history = new EmbeddedHistory(now);
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
        this.#replace(workerId, request.worker, []);
        return { type: 'done' };
      case 'flush':
        this.#apply(workerId, request.changes);
        return { type: 'done' };
      case 'heartbeat':
        return { type: 'heartbeat', answer: this.#renew(workerId, request.worker, request.peerCount) };
      case 'resync':
        this.#replace(workerId, request.worker, request.peers);
        return { type: 'done' };
      case 'list':
        return { type: 'page', page: this.#list(request.query) };
      case 'find':
        return { type: 'found', peers: this.#find(request.ids) };
      case 'closed':
        return { type: 'closed', page: this.#history.closed(request.query) };
      case 'events':
        return { type: 'events', page: this.#history.events(request.query) };
      case 'workers':
        return { type: 'workers', workers: this.#livingWorkers() };
      case 'close':
        this.#forget(workerId, 'drain', 0);
        return { type: 'done' };
      default:
        return request satisfies never;
    }
  }

  /**
   * One page, ordered by worker and peer. A peer that is there from the first page to the last is in
   * exactly one of them. Throws InvalidMessageError for a foreign cursor.
   */
  #list({ filter, limit, cursor }: PeerQuery): PeerPage {
    const parts = this.#livingWorkers()
      .filter(({ record }) => mayHold(record.worker, filter))
      .map(({ record, ageMs }) => ({ worker: record.worker, ageMs }));
    const rest = { unread: [], parts, scope: 'this host' } as const;
    const after = cursor === null ? null : decodeCursor(cursor, placeSchema);
    const peers: PeerRecord[] = [];
    const seen = new Set<string>();
    let last = '';
    for (const [workerId, worker] of inOrder(this.#workers)) {
      if ((after !== null && workerId < after.worker) || !mayHold(workerId, filter)) continue;
      for (const peer of peersAfter(worker, after?.worker === workerId ? after.peer : null)) {
        // Seen: it is moving from one worker to another, and stands with both.
        if (!matches(peer, filter) || seen.has(peer.id)) continue;
        // One more than fits: there is a next page, and this one ended at the peer before.
        if (peers.length === limit) return { peers, cursor: last, ...rest };
        peers.push(peer);
        seen.add(peer.id);
        if (peers.length === limit) {
          last = encodeCursor({ store: 'embedded', worker: workerId, peer: peer.id } satisfies Place);
        }
      }
    }
    return { peers, cursor: null, ...rest };
  }

  /** All workers whose lease holds, ordered by id. */
  #livingWorkers(): WorkerView[] {
    this.#removeStale();
    const now = this.#now();
    return inOrder(this.#workers).map(([, { record, lastHeartbeatMs }]) => ({
      record,
      ageMs: Math.max(0, now - lastHeartbeatMs),
    }));
  }

  /** At once, before the promise is returned. */
  removeWorker(workerId: string, reason: CloseReason): Promise<void> {
    this.#forget(workerId, reason, removalRowsMax);
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
    return Promise.resolve(this.#history.closed(query));
  }

  async events(query: EventQuery): Promise<EventPage> {
    return Promise.resolve(this.#history.events(query));
  }

  async workers(): Promise<readonly WorkerView[]> {
    return Promise.resolve(this.#livingWorkers());
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

  #replace(workerId: string, record: WorkerRecord, peers: readonly PeerRecord[]): void {
    if (!this.#workers.has(workerId)) this.#tell({ type: 'worker up', ...this.#about(workerId) });
    this.#workers.set(workerId, {
      record,
      lastHeartbeatMs: this.#now(),
      peers: new Map(peers.map((peer) => [peer.id, peer])),
      order: null,
    });
  }

  /** Changes of a worker that is not in the view are dropped: its next heartbeat is answered `resync`. */
  #apply(workerId: string, { changed, closed, events }: ViewChanges): void {
    this.#history.remember(closed);
    this.#history.tell(events);
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
      if (lastHeartbeatMs < oldest) this.#forget(workerId, 'worker died', removalRowsMax);
    }
  }

  /** `rowsMax`: at most so many of its peers go to the history. */
  #forget(workerId: string, reason: CloseReason, rowsMax: number): void {
    const worker = this.#workers.get(workerId);
    if (worker === undefined) return;
    this.#workers.delete(workerId);
    const closed_at = this.#now();
    const rows = [...worker.peers.values()].slice(0, rowsMax);
    this.#history.remember(rows.map((peer) => ({ peer, reason, closed_at })));
    this.#tell({ type: 'worker down', ...this.#about(workerId), reason, peers: worker.peers.size });
  }

  #about(workerId: string): Pick<ViewEvent, 'at' | 'host' | 'worker'> {
    return { at: this.#now(), host: hostOf(workerId), worker: workerId };
  }

  #tell(event: ViewEvent): void {
    this.#history.tell([event]);
  }
}

function inOrder(workers: ReadonlyMap<string, WorkerEntry>): [string, WorkerEntry][] {
  return [...workers].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The peers of a worker ordered by id, from the first one behind `after`, which need not exist any more. */
function* peersAfter(worker: WorkerEntry, after: string | null): Generator<PeerRecord> {
  worker.order ??= [...worker.peers.keys()].sort();
  const { order } = worker;
  for (let index = after === null ? 0 : countUpTo(order, after); index < order.length; index++) {
    const peer = worker.peers.get(order[index] ?? '');
    if (peer !== undefined) yield peer;
  }
}

/** How many of the sorted ids are not behind `last`, by halving. */
function countUpTo(ids: readonly string[], last: string): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ids[middle] ?? '') <= last) low = middle + 1;
    else high = middle;
  }
  return low;
}

function monotonicNow(): number {
  return Math.floor(performance.timeOrigin + performance.now());
}
