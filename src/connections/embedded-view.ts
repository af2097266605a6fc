// The view of connections in the primary's memory, for a host without Redis: what each worker has reported,
// and the last peers that closed. It knows nothing of IPC: whoever carries the messages calls `handle`.
import { z } from 'zod';
import { InvalidMessageError } from '../errors.js';
import { decodeCursor, encodeCursor } from './cursor.js';
import { matches, mayHold } from './filter.js';
import { closedHistoryMax, removalRowsMax } from './limits.js';
import type { CloseReason, PeerRecord, WorkerRecord, WorkerView } from './record.js';
import type { ClosedPeer, PeerPage, PeerQuery, ViewChanges, WorkerReaper } from './store.js';
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

export class EmbeddedView implements WorkerReaper {
  readonly #leaseMs: number;
  readonly #now: () => number;
  readonly #workers = new Map<string, WorkerEntry>();
  #closed: ClosedPeer[] = [];

  constructor({ leaseMs, now = monotonicNow }: EmbeddedViewOptions) {
    this.#leaseMs = leaseMs;
    this.#now = now;
  }

  /** Answers a request of this worker; a wrong one is answered `invalid`, nothing is thrown for it. */
  handle(workerId: string, request: ViewRequest): ViewReply {
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
        return this.#answerList(request.query);
      case 'workers':
        return { type: 'workers', workers: this.workers() };
      case 'close':
        this.#workers.delete(workerId);
        return { type: 'done' };
      default:
        return request satisfies never;
    }
  }

  /**
   * One page, ordered by worker and peer. A peer that is there from the first page to the last is in
   * exactly one of them. Throws InvalidMessageError for a foreign cursor.
   */
  list({ filter, limit, cursor }: PeerQuery): PeerPage {
    this.#removeStale();
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
        if (peers.length === limit) return { peers, cursor: last, unread: [] };
        peers.push(peer);
        seen.add(peer.id);
        if (peers.length === limit) {
          last = encodeCursor({ store: 'embedded', worker: workerId, peer: peer.id } satisfies Place);
        }
      }
    }
    return { peers, cursor: null, unread: [] };
  }

  /** All workers whose lease holds, ordered by id. */
  workers(): WorkerView[] {
    this.#removeStale();
    const now = this.#now();
    return inOrder(this.#workers).map(([, { record, lastHeartbeatMs }]) => ({
      record,
      ageMs: Math.max(0, now - lastHeartbeatMs),
    }));
  }

  /** The last peers that closed, oldest first. */
  closed(): readonly ClosedPeer[] {
    return this.#closed;
  }

  /** At once, before the promise is returned. */
  removeWorker(workerId: string, reason: CloseReason): Promise<void> {
    this.#remove(workerId, reason);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #answerList(query: PeerQuery): ViewReply {
    try {
      return { type: 'page', page: this.list(query) };
    } catch (error) {
      if (error instanceof InvalidMessageError) return { type: 'invalid', message: error.message };
      throw error;
    }
  }

  #replace(workerId: string, record: WorkerRecord, peers: readonly PeerRecord[]): void {
    this.#workers.set(workerId, {
      record,
      lastHeartbeatMs: this.#now(),
      peers: new Map(peers.map((peer) => [peer.id, peer])),
      order: null,
    });
  }

  /** Changes of a worker that is not in the view are dropped: its next heartbeat is answered `resync`. */
  #apply(workerId: string, { changed, closed }: ViewChanges): void {
    this.#remember(closed);
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
      if (lastHeartbeatMs < oldest) this.#remove(workerId, 'worker died');
    }
  }

  #remove(workerId: string, reason: CloseReason): void {
    const worker = this.#workers.get(workerId);
    if (worker === undefined) return;
    this.#workers.delete(workerId);
    const closed_at = this.#now();
    const rows = [...worker.peers.values()].slice(0, removalRowsMax);
    this.#remember(rows.map((peer) => ({ peer, reason, closed_at })));
  }

  #remember(closed: readonly ClosedPeer[]): void {
    this.#closed.push(...closed);
    // Cut in larger steps: moving 10,000 entries for each peer that closes would cost more than the peer.
    if (this.#closed.length > 1.1 * closedHistoryMax) this.#closed = this.#closed.slice(-closedHistoryMax);
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
