// The contract of the stores behind the view of connections. Two keep it: the Redis store (all hosts) and the
// embedded store (the primary's memory, this host). One suite of tests runs on both.
import type { CloseReason, PeerFilter, PeerRecord, WorkerRecord, WorkerView } from './record.js';

/** A peer that has gone: its last record, why and when (ms since the epoch). */
export interface ClosedPeer {
  readonly peer: PeerRecord;
  readonly reason: CloseReason;
  readonly closed_at: number;
}

/** What changed since the last flush. A peer that opened and closed in between stands in `closed` only. */
export interface ViewChanges {
  readonly changed: readonly PeerRecord[];
  readonly closed: readonly ClosedPeer[];
}

export interface PeerQuery {
  readonly filter: PeerFilter;
  /** At most so many records in this page; at least 1. */
  readonly limit: number;
  /** Where the last page ended, as it was given. */
  readonly cursor: string | null;
}

export interface PeerPage {
  readonly peers: readonly PeerRecord[];
  /** Give it back for the next page; null: that was the last one. */
  readonly cursor: string | null;
  /** Workers whose part could not be read: named, not left out. */
  readonly unread: readonly string[];
}

/** A worker's own side of the store: it reports itself and its peers, and reads the whole view. */
export interface ConnectionStore {
  readonly kind: 'redis' | 'embedded';

  /** Puts this worker into the directory. Called once before anything else. */
  open(worker: WorkerRecord): Promise<void>;

  /** Writes what changed, in order. Rejects with StoreUnavailableError; the caller then resyncs later. */
  flush(changes: ViewChanges): Promise<void>;

  /**
   * Renews the lease. `peerCount`: how many peers this worker has told the store of.
   * `resync` means that the store's copy differs: send everything again.
   */
  heartbeat(worker: WorkerRecord, peerCount: number): Promise<'ok' | 'resync'>;

  /** Replaces all of this worker's peers by `peers`, at once for readers. */
  resync(worker: WorkerRecord, peers: readonly PeerRecord[]): Promise<void>;

  /**
   * One page of the peers of all workers and hosts. Throws InvalidMessageError for a cursor that is not
   * its own, StoreUnavailableError where the store does not answer.
   */
  list(query: PeerQuery): Promise<PeerPage>;

  /** All workers whose lease holds, with their age. */
  workers(): Promise<readonly WorkerView[]>;

  /** Removes this worker and its peers, and ends the connection to the store. */
  close(): Promise<void>;
}

/** The primary's side: it removes a dead worker's records at once. */
export interface WorkerReaper {
  removeWorker(workerId: string, reason: CloseReason): Promise<void>;
  close(): Promise<void>;
}
