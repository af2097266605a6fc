// Reads a view with what the primary knows, which workers of this host serve: one that the view does not hold, such as
// one that alone cannot reach Redis, is named as unread, not left out.
import { mayHold } from './filter.js';
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

/** What a primary knows of the workers of its host. */
export interface Serving {
  /** Those that serve. */
  readonly workers: Iterable<string>;
  /** Those that cannot tell the view what changes: what it has of them, if anything, is old. */
  readonly away: Iterable<string>;
}

export class ServingReader implements ConnectionsReader {
  readonly #view: ConnectionsReader;
  readonly #serving: () => Promise<Serving>;

  /** `serving` never rejects. */
  constructor(view: ConnectionsReader, serving: () => Promise<Serving>) {
    this.#view = view;
    this.#serving = serving;
  }

  async list(query: PeerQuery): Promise<PeerPage> {
    const [page, serving] = await Promise.all([this.#view.list(query), this.#serving()]);
    const held = page.parts.map(({ worker }) => worker);
    const unread = unreadOf(serving, held, page).filter((id) => mayHold(id, query.filter));
    return { ...page, unread };
  }

  async workers(): Promise<WorkersPage> {
    const [page, serving] = await Promise.all([this.#view.workers(), this.#serving()]);
    const held = page.workers.map(({ record }) => record.worker);
    return { ...page, unread: unreadOf(serving, held, page) };
  }

  find(ids: readonly string[]): Promise<readonly PeerRecord[]> {
    return this.#view.find(ids);
  }

  closed(query: PeerQuery): Promise<ClosedPage> {
    return this.#view.closed(query);
  }

  events(query: EventQuery): Promise<EventPage> {
    return this.#view.events(query);
  }
}

function unreadOf(
  { workers, away }: Serving,
  held: readonly string[],
  { unread, scope }: Pick<PeerPage, 'unread' | 'scope'>,
): readonly string[] {
  const absent = [...workers].filter((id) => !held.includes(id));
  // What the primary itself remembers of this host is of those, too.
  const old = scope === 'all hosts' ? away : [];
  return [...new Set([...unread, ...absent, ...old])].sort();
}
