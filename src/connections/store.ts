// The contract of the stores behind the view of connections. Two keep it: the Redis store (all hosts) and the
// embedded store (the primary's memory, this host). One suite of tests runs on both. A third one lists nothing.
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
  /** Never more than the limit; fewer, or none, does not mean the end: a rare filter, or peers that went. */
  readonly peers: readonly PeerRecord[];
  /**
   * Give it back, with the same filter, for the next page; null: that was the last one. A peer that is
   * there from the first page to the last is in one of them; those that come or go meanwhile may or may not
   * be.
   */
  readonly cursor: string | null;
  /** Workers whose part could not be read: named, not left out. */
  readonly unread: readonly string[];
}

/** A worker's own side of the store: it reports itself and its peers, and reads the whole view. */
export interface ConnectionStore {
  readonly kind: 'redis' | 'embedded' | 'none';

  /**
   * Puts this worker into the directory, without peers. Called once before anything else. Rejects with
   * StoreUnavailableError; the store goes on trying to connect, and the first heartbeat that arrives
   * is answered `resync`.
   */
  open(worker: WorkerRecord): Promise<void>;

  /**
   * Writes what changed, in order. Rejects with StoreUnavailableError: nothing is kept for later, and every
   * heartbeat is answered `resync` until the caller has resynced.
   */
  flush(changes: ViewChanges): Promise<void>;

  /**
   * Renews the lease. `peerCount`: how many peers this worker has told the store of.
   * `resync` means that the store's copy differs: send everything again.
   * Rejects with StoreUnavailableError.
   */
  heartbeat(worker: WorkerRecord, peerCount: number): Promise<'ok' | 'resync'>;

  /**
   * Replaces all of this worker's peers by `peers`, at once for readers, and puts the worker back into the
   * directory. Rejects with StoreUnavailableError.
   */
  resync(worker: WorkerRecord, peers: readonly PeerRecord[]): Promise<void>;

  /**
   * One page of the peers of all workers and hosts. Throws InvalidMessageError for a cursor that is not
   * its own, StoreUnavailableError where the store does not answer, NotPermittedError where none is kept.
   */
  list(query: PeerQuery): Promise<PeerPage>;

  /** All workers whose lease holds, with their age, ordered by id. Rejects with StoreUnavailableError. */
  workers(): Promise<readonly WorkerView[]>;

  /**
   * Removes this worker and its peers, and ends the connection to the store. It does not reject: where the
   * store is away, this worker's lease runs out by itself.
   */
  close(): Promise<void>;
}

/** The primary's side: it removes a dead worker's records at once. */
export interface WorkerReaper {
  /** Its peers go to the history of closed ones with this reason. Rejects with StoreUnavailableError. */
  removeWorker(workerId: string, reason: CloseReason): Promise<void>;
  close(): Promise<void>;
}
