// One page of the peers in the primary's memory, ordered by worker and peer.
import { z } from 'zod';
import { decodeCursor, encodeCursor } from './cursor.js';
import { matches, mayHold } from './filter.js';
import type { PeerRecord, WorkerRecord } from './record.js';
import type { PeerPage, PeerQuery } from './store.js';

/** A worker as the memory holds it. */
export interface WorkerEntry {
  record: WorkerRecord;
  lastHeartbeatMs: number;
  peers: Map<string, PeerRecord>;
  /** The ids of `peers` in order; null: to be sorted again, since one came or went. */
  order: readonly string[] | null;
}

/** The last peer of the page before. */
const placeSchema = z.strictObject({ store: z.literal('embedded'), worker: z.string(), peer: z.string() });
type Place = z.output<typeof placeSchema>;

/**
 * A peer that is there from the first page to the last is in exactly one of them. Throws InvalidMessageError for a
 * foreign cursor.
 */
export function pageOf(
  workers: ReadonlyMap<string, WorkerEntry>,
  { filter, limit, cursor }: PeerQuery,
): Pick<PeerPage, 'peers' | 'cursor'> {
  const after = cursor === null ? null : decodeCursor(cursor, placeSchema);
  const peers: PeerRecord[] = [];
  const seen = new Set<string>();
  let last = '';
  for (const [workerId, worker] of inOrder(workers)) {
    if ((after !== null && workerId < after.worker) || !mayHold(workerId, filter)) continue;
    const candidates =
      filter.id === undefined
        ? peersAfter(worker, after?.worker === workerId ? after.peer : null)
        : peerWith(worker, filter.id);
    for (const peer of candidates) {
      // Seen: it is moving from one worker to another, and stands with both.
      if (!matches(peer, filter) || seen.has(peer.id)) continue;
      // One more than fits: there is a next page, and this one ended at the peer before.
      if (peers.length === limit) return { peers, cursor: last };
      peers.push(peer);
      seen.add(peer.id);
      if (peers.length === limit) {
        last = encodeCursor({ store: 'embedded', worker: workerId, peer: peer.id } satisfies Place);
      }
    }
  }
  return { peers, cursor: null };
}

export function inOrder(workers: ReadonlyMap<string, WorkerEntry>): [string, WorkerEntry][] {
  return [...workers].sort(([a], [b]) => (a < b ? -1 : 1));
}

function peerWith({ peers }: WorkerEntry, id: string): PeerRecord[] {
  const peer = peers.get(id);
  return peer === undefined ? [] : [peer];
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
