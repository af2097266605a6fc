// Reads the view of all hosts, and where that does not answer what this host's primary remembers; each answer says by
// its `scope` which of them it is of.
import { StoreUnavailableError } from '../errors.js';
import type { PeerRecord } from './record.js';
import type {
  ClosedPage,
  ConnectionsReader,
  EventPage,
  EventQuery,
  PeerPage,
  PeerQuery,
  WorkersPage,
} from './store.js';

export class FallbackReader implements ConnectionsReader {
  readonly #shared: ConnectionsReader;
  readonly #memory: ConnectionsReader;
  readonly #isAway: () => boolean;

  /** `isAway`: it is known that the shared view does not answer, or not for this host; then it is not waited for. */
  constructor(shared: ConnectionsReader, memory: ConnectionsReader, isAway: () => boolean) {
    this.#shared = shared;
    this.#memory = memory;
    this.#isAway = isAway;
  }

  list(query: PeerQuery): Promise<PeerPage> {
    return this.#read((view) => view.list(query));
  }

  /** Those that the shared view does not know may be of a worker that alone cannot tell it: the memory knows them. */
  async find(ids: readonly string[]): Promise<readonly PeerRecord[]> {
    const found = await this.#read((view) => view.find(ids));
    const missing = ids.filter((id) => found.every((peer) => peer.id !== id));
    if (missing.length === 0) return found;
    try {
      return [...found, ...(await this.#memory.find(missing))];
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return found;
    }
  }

  closed(query: PeerQuery): Promise<ClosedPage> {
    return this.#read((view) => view.closed(query));
  }

  events(query: EventQuery): Promise<EventPage> {
    return this.#read((view) => view.events(query));
  }

  workers(): Promise<WorkersPage> {
    return this.#read((view) => view.workers());
  }

  async #read<T>(read: (view: ConnectionsReader) => Promise<T>): Promise<T> {
    if (this.#isAway()) return read(this.#memory);
    try {
      return await read(this.#shared);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return read(this.#memory);
    }
  }
}
