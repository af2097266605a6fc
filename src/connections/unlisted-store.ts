// The store of a server that keeps no view of connections (`connections.store: none`): workers report themselves to the
// primary, so status and metrics go on, but nothing is written when a connection comes, works or goes.
import { NotPermittedError } from '../errors.js';
import type { PeerRecord, WorkerRecord } from './record.js';
import type { ClosedPage, ConnectionStore, EventPage, PeerPage, WorkersPage } from './store.js';

/** What a list is answered instead of an empty one, which would be a lie. */
export function noView(): NotPermittedError {
  return new NotPermittedError(
    'this server keeps no view of connections (connections.store is none); it cannot list them',
  );
}

export class UnlistedStore implements ConnectionStore {
  readonly kind = 'none';
  readonly #directory: ConnectionStore;

  /** `directory`: where the workers stand. */
  constructor(directory: ConnectionStore) {
    this.#directory = directory;
  }

  open(worker: WorkerRecord): Promise<void> {
    return this.#directory.open(worker);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  heartbeat(worker: WorkerRecord): Promise<'ok' | 'resync'> {
    return this.#directory.heartbeat(worker, 0);
  }

  resync(worker: WorkerRecord): Promise<void> {
    return this.#directory.resync(worker, []);
  }

  list(): Promise<PeerPage> {
    return Promise.reject(noView());
  }

  find(): Promise<readonly PeerRecord[]> {
    return Promise.reject(noView());
  }

  closed(): Promise<ClosedPage> {
    return Promise.reject(noView());
  }

  events(): Promise<EventPage> {
    return Promise.reject(noView());
  }

  workers(): Promise<WorkersPage> {
    return this.#directory.workers();
  }

  close(): Promise<void> {
    return this.#directory.close();
  }
}
