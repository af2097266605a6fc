// The contract of the stores behind the view of connections. Two keep it: the Redis store (all hosts) and the
// embedded store (the primary's memory, this host). One suite of tests runs on both. A third one lists nothing.
import type {
  CloseReason,
  ClosedPeer,
  PeerFilter,
  PeerRecord,
  StoredEvent,
  ViewEvent,
  WorkerRecord,
  WorkerView,
} from './record.js';

/** What changed since the last flush. A peer that opened and closed in between stands in `closed` only. */
export interface ViewChanges {
  readonly changed: readonly PeerRecord[];
  readonly closed: readonly ClosedPeer[];
  /** In order. */
  readonly events: readonly ViewEvent[];
}

/** How far a view reaches: where the store of all hosts is away, to the host that is asked. */
export const scopes = ['all hosts', 'this host'] as const;
export type Scope = (typeof scopes)[number];

export interface PeerQuery {
  readonly filter: PeerFilter;
  /** At most so many records in this page; at least 1. */
  readonly limit: number;
  /** Where the last page ended, as it was given. */
  readonly cursor: string | null;
}

/** A worker's part of a list, and how old it may be: milliseconds since its last heartbeat. */
export interface ViewPart {
  readonly worker: string;
  readonly ageMs: number;
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
  /** The workers whose peers the list holds, read or still to be read, ordered by id. */
  readonly parts: readonly ViewPart[];
  readonly scope: Scope;
}

export interface WorkersPage {
  /** Ordered by id. */
  readonly workers: readonly WorkerView[];
  /** Workers that serve and have not reported themselves: named, not left out. */
  readonly unread: readonly string[];
  readonly scope: Scope;
}

export interface ClosedPage {
  /** Latest first; as many as asked for, unless a rare filter ends the page before. */
  readonly closed: readonly ClosedPeer[];
  /** As in PeerPage. */
  readonly cursor: string | null;
  /** When the first one that is still known closed, or from when on the history is kept; null: nothing is known. */
  readonly since: number | null;
  readonly scope: Scope;
}

export interface EventQuery {
  /** The id of the last event that is known; null: the latest `limit` events. */
  readonly after: string | null;
  /** At least 1. */
  readonly limit: number;
}

export interface EventPage {
  /** In order. */
  readonly events: readonly StoredEvent[];
  /** What to ask for next: the id of the last event, or where there is none what was given; null: nothing has happened. */
  readonly last: string | null;
  readonly scope: Scope;
}

/** The whole view, for whoever looks at it. Everything rejects with StoreUnavailableError, NotPermittedError where none is kept. */
export interface ConnectionsReader {
  /** One page of the peers of all workers. Throws InvalidMessageError for a cursor that is not its own. */
  list(query: PeerQuery): Promise<PeerPage>;

  /** The peers with these ids, as far as they are there, in no order. */
  find(ids: readonly string[]): Promise<readonly PeerRecord[]>;

  /** One page of the last peers that closed. Throws InvalidMessageError for a cursor that is not its own. */
  closed(query: PeerQuery): Promise<ClosedPage>;

  /** What happened after an event. Throws InvalidMessageError for an id that is none. */
  events(query: EventQuery): Promise<EventPage>;

  /** All workers whose lease holds, with their age. */
  workers(): Promise<WorkersPage>;
}

/** A worker's own side of the store: it reports itself and its peers, and reads the whole view. */
export interface ConnectionStore extends ConnectionsReader {
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

  /** Calls `listener` whenever a store that was away answers again: a heartbeat now, and not only at its time, makes it whole. */
  onBack?(listener: () => void): void;

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
