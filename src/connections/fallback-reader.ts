// Reads the view of all hosts, and where that does not answer what this host's primary remembers; each answer says by
// its `scope` which of them it is of.
import { StoreUnavailableError } from '../errors.js';
import { inTime } from '../in-time.js';
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

/** The primary answers at once, unless it is held up; a list can do without what it knows beside. */
const primaryTimeoutMs = 500;

/** What the primary says, or `otherwise` where it is gone or held up. */
export async function ifPrimarySays<T>(asked: Promise<T>, otherwise: T): Promise<T> {
  const late = () => new StoreUnavailableError('the primary is held up');
  try {
    return await inTime(asked, primaryTimeoutMs, late);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return otherwise;
  }
}

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

  /** Those of a worker that cannot tell the shared view what changes are known here, and newer than there. */
  async find(ids: readonly string[]): Promise<readonly PeerRecord[]> {
    if (this.#isAway()) return this.#memory.find(ids);
    const here = await ifPrimarySays(this.#memory.find(ids), []);
    const others = ids.filter((id) => here.every((peer) => peer.id !== id));
    if (others.length === 0) return here;
    return [...here, ...(await this.#read((view) => view.find(others)))];
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
