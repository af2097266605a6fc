// What one flush writes, as one pipeline: the records of changed peers, the deletion of closed ones, their
// rows in the history and in the events, and last the epoch, which says that all of it has arrived.
import type { ChainableCommander } from 'ioredis';
import { chunkSize, closedHistoryMax, eventHistoryMax } from '../limits.js';
import { eventTypes, type ClosedPeer, type PeerRecord, type ViewEvent } from '../record.js';
import type { RedisKeys } from './keys.js';
import { append, commit, putPeers } from './scripts.js';
import type { ViewChanges } from '../store.js';

/** The columns of `closed`; `peer` is the last record as JSON. */
const closedColumns = ['id', 'reason', 'closed_at', 'peer'] as const;
const peerEventColumns = ['type', 'host', 'worker', 'peer', 'address', 'port', 'at'] as const;
/** What events tell that are not of a peer or tell more than that. */
const ownColumns: Partial<Record<ViewEvent['type'], readonly (keyof ViewEvent)[]>> = {
  closed: [...peerEventColumns, 'reason'],
  kicked: [...peerEventColumns, 'by'],
  'model changed': ['type', 'host', 'worker', 'model', 'at'],
};

export interface Flush extends ViewChanges {
  readonly workerId: string;
  readonly epoch: number;
  readonly keyTtlMs: number;
}

export function fillFlush(pipeline: ChainableCommander, keys: RedisKeys, flush: Flush): void {
  const peersKey = keys.peers(flush.workerId);
  for (const peers of inChunks(flush.changed)) {
    pipeline.eval(putPeers, 1, peersKey, flush.keyTtlMs, ...toFields(peers));
  }
  for (const peers of inChunks(flush.closed)) {
    pipeline.hdel(peersKey, ...peers.map(({ peer }) => peer.id));
  }
  // By type, since those of one type have the same columns. A peer goes through the types in this order.
  for (const type of eventTypes) {
    const events = flush.events.filter((event) => event.type === type);
    const columns = ownColumns[type] ?? peerEventColumns;
    const rows = events.map((event) => columns.map((column) => event[column] ?? ''));
    fillAppend(pipeline, keys.events, eventHistoryMax, columns, rows);
  }
  fillAppend(pipeline, keys.closed, closedHistoryMax, closedColumns, flush.closed.map(toHistory));
  pipeline.eval(commit, 2, keys.worker(flush.workerId), peersKey, flush.keyTtlMs, flush.epoch);
}

/** Appends rows to a bounded stream. */
export function fillAppend(
  pipeline: ChainableCommander,
  stream: string,
  entriesMax: number,
  columns: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): void {
  for (const chunk of inChunks(rows)) {
    pipeline.eval(append, 1, stream, entriesMax, columns.length, ...columns, ...chunk.flat());
  }
}

/** Id, JSON, id, JSON, … as the hash of a worker's peers takes them. */
export function toFields(peers: readonly PeerRecord[]): string[] {
  return peers.flatMap((peer) => [peer.id, JSON.stringify(peer)]);
}

/** Parts of at most `chunkSize`. */
export function* inChunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += chunkSize) yield items.slice(start, start + chunkSize);
}

function toHistory({ peer, reason, closed_at }: ClosedPeer): (string | number)[] {
  return [peer.id, reason, closed_at, JSON.stringify(peer)];
}
