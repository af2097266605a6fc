// What the primary's memory remembers of the past: the last peers that closed, and the last events.
import { z } from 'zod';
import { decodeCursor, encodeCursor } from './cursor.js';
import { eventIdOf, isLaterId, parseEventId } from './event-id.js';
import { matches } from './filter.js';
import { closedHistoryMax, embeddedEventsMax } from './limits.js';
import type { ClosedPeer, StoredEvent, ViewEvent } from './record.js';
import { RecentList } from './recent-list.js';
import type { ClosedPage, EventPage, EventQuery, PeerQuery } from './store.js';

/** The number of the last row of the page before. */
const placeSchema = z.strictObject({ store: z.literal('embedded'), closed: z.int().nonnegative() });

export class EmbeddedHistory {
  readonly #now: () => number;
  readonly #since: number;
  readonly #closed = new RecentList<ClosedPeer>(closedHistoryMax);
  readonly #events = new RecentList<StoredEvent>(embeddedEventsMax);
  #lastEvent = { ms: 0, number: 0 };

  constructor(now: () => number) {
    this.#now = now;
    this.#since = now();
  }

  remember(closed: readonly ClosedPeer[]): void {
    for (const peer of closed) this.#closed.push(peer);
  }

  tell(events: readonly ViewEvent[]): void {
    for (const event of events) {
      const ms = Math.max(this.#now(), this.#lastEvent.ms);
      this.#lastEvent = { ms, number: ms === this.#lastEvent.ms ? this.#lastEvent.number + 1 : 0 };
      this.#events.push({ id: eventIdOf(this.#lastEvent), ...event });
    }
  }

  /** Throws InvalidMessageError for a foreign cursor. */
  closed({ filter, limit, cursor }: PeerQuery): ClosedPage {
    const found: ClosedPeer[] = [];
    let next: string | null = null;
    const start = cursor === null ? this.#closed.end : decodeCursor(cursor, placeSchema).closed;
    for (let number = start - 1; number >= this.#closed.start; number--) {
      const closed = this.#closed.at(number);
      if (closed === undefined || !matches(closed.peer, filter)) continue;
      if (found.length === limit) {
        next = encodeCursor({ store: 'embedded', closed: number + 1 } satisfies z.output<typeof placeSchema>);
        break;
      }
      found.push(closed);
    }
    const since =
      this.#closed.start === 0 ? this.#since : (this.#closed.at(this.#closed.start)?.closed_at ?? null);
    return { closed: found, cursor: next, since, scope: 'this host' };
  }

  /** Throws InvalidMessageError for an id that is none. */
  events({ after, limit }: EventQuery): EventPage {
    const { start, end } = this.#events;
    let number = end;
    if (after === null) number = Math.max(start, end - limit);
    else {
      const known = parseEventId(after);
      const isNews = (event?: StoredEvent) => event !== undefined && isLaterId(parseEventId(event.id), known);
      while (number > start && isNews(this.#events.at(number - 1))) number--;
    }
    const events = this.#events.slice(number, Math.min(end, number + limit));
    return { events, last: events.at(-1)?.id ?? after, scope: 'this host' };
  }
}

/** Where nothing has been told. */
export const nothingKnown: Pick<EmbeddedHistory, 'closed' | 'events'> = {
  closed: ({ cursor }) => {
    if (cursor !== null) decodeCursor(cursor, placeSchema);
    return { closed: [], cursor: null, since: null, scope: 'this host' };
  },
  events: ({ after }) => {
    if (after !== null) parseEventId(after);
    return { events: [], last: after, scope: 'this host' };
  },
};
