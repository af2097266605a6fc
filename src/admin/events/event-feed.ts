// The events of the view as they happen, for all who look: one poller for everybody, which runs only while somebody
// looks. What lies before its position each reader fetches for itself (event-reader.ts).
import { isLaterEvent } from '../../connections/event-id.js';
import { chunkSize } from '../../connections/limits.js';
import type { StoredEvent } from '../../connections/record.js';
import type { ConnectionsReader, EventPage, Scope } from '../../connections/store.js';
import { describeError } from '../../errors.js';
import type { Logger } from '../../log.js';
import { ToldEvents } from './told-events.js';

/** Events show so long after they are in the view. */
const pollIntervalMs = 250;

export type EventListener = (events: readonly StoredEvent[]) => void;

/** Where a reader is: the id of the last event that it knows (null: nothing has happened), and whose id that is. */
export type EventPosition = Pick<EventPage, 'last' | 'scope'>;

/**
 * The newest event of the view as it is now, where it has become another one: Redis is away, or back. Ids of Redis and
 * of a primary come from different clocks, so one means nothing to the other: going on behind it would tell events
 * twice, or skip those of as long as the clocks differ.
 */
export async function newestOf(view: ConnectionsReader): Promise<EventPosition> {
  const { last, scope } = await view.events({ after: null, limit: 1 });
  return { last, scope };
}

export class EventFeed {
  readonly #view: ConnectionsReader;
  readonly #log: Logger;
  /** Each with the id of the last event that it knew when it came. */
  readonly #listeners = new Map<EventListener, string | null>();
  /** Of the last event that the listeners have been given; null: nobody listens. */
  #position: EventPosition | null = null;
  /** Where it was in each view when that was read last: what has come to Redis meanwhile is told when it is back. */
  readonly #lastOf = new Map<Scope, string | null>();
  readonly #toldFromMemory = new ToldEvents();
  #timer: NodeJS.Timeout | null = null;
  /** Of the latest start: a poll of an earlier one must not go on. */
  #run = 0;
  #isFailing = false;

  constructor(view: ConnectionsReader, log: Logger) {
    this.#view = view;
    this.#log = log;
  }

  /** What has been told to those who listen; null: nothing, or nobody listens. */
  get position(): string | null {
    return this.#position?.last ?? null;
  }

  /** `now`: the last event there is. From it on this listener is given all events, in order. */
  listen(listener: EventListener, now: EventPosition): void {
    const isSameView = this.#position === null || this.#position.scope === now.scope;
    this.#listeners.set(listener, isSameView ? now.last : this.position);
    if (this.#listeners.size > 1) return;
    this.#position = now;
    this.#poll(++this.#run);
  }

  leave(listener: EventListener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size === 0) this.close();
  }

  close(): void {
    this.#listeners.clear();
    this.#run++;
    this.#position = null;
    this.#lastOf.clear();
    this.#toldFromMemory.clear();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #poll(run: number): void {
    this.#timer = setTimeout(() => {
      void this.#tellNews(run).then(() => {
        if (run === this.#run) this.#poll(run);
      });
    }, pollIntervalMs);
  }

  async #tellNews(run: number): Promise<void> {
    try {
      let isFull = true;
      while (isFull) {
        const page = await this.#view.events({ after: this.position, limit: chunkSize });
        const isOther = this.#position?.scope !== page.scope;
        const before = isOther ? await this.#positionIn(page.scope) : null;
        if (run !== this.#run) return;
        this.#isFailing = false;
        if (before !== null) {
          this.#moveTo(before);
          return;
        }
        isFull = page.events.length === chunkSize;
        this.#position = { last: page.last, scope: page.scope };
        this.#tell(page);
      }
    } catch (error) {
      // The readers stay: the view comes back, and goes on where it was.
      if (!this.#isFailing)
        this.#log.warn({ reason: describeError(error) }, 'events cannot be read; trying on');
      this.#isFailing = true;
    }
  }

  /**
   * Where to go on in a view that has taken the place of another one: where it was read last, unless its events have begun anew
   * since, as after a Redis that came back empty.
   */
  async #positionIn(scope: Scope): Promise<EventPosition> {
    const newest = await newestOf(this.#view);
    const last = this.#lastOf.get(scope) ?? null;
    const hasGoneOn = last !== null && newest.last !== null && isLaterEvent(newest.last, last);
    return hasGoneOn && newest.scope === scope ? { last, scope } : newest;
  }

  #moveTo(position: EventPosition): void {
    const from = this.#position;
    if (from !== null) this.#lastOf.set(from.scope, from.last);
    this.#position = position;
    for (const listener of this.#listeners.keys()) this.#listeners.set(listener, position.last);
  }

  #tell({ events, scope }: EventPage): void {
    // What workers tell Redis when it is back has been told from the memory of this host.
    const fresh = scope === 'all hosts' ? events.filter((event) => !this.#toldFromMemory.has(event)) : events;
    if (scope === 'this host') this.#toldFromMemory.add(events);
    for (const [listener, known] of this.#listeners) {
      const news = laterThan(fresh, known);
      if (news.length > 0) listener(news);
    }
  }
}

/** Those behind `known`. */
function laterThan(events: readonly StoredEvent[], known: string | null): readonly StoredEvent[] {
  return known === null ? events : events.filter(({ id }) => isLaterEvent(id, known));
}
