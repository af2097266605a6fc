// The events of the view as they happen, for all who look: one poller for everybody, which runs only while somebody
// looks. What lies before its position each reader fetches for itself (event-reader.ts).
import { isLaterEvent } from '../../connections/event-id.js';
import { chunkSize } from '../../connections/limits.js';
import type { StoredEvent } from '../../connections/record.js';
import type { ConnectionsReader } from '../../connections/store.js';
import { describeError } from '../../errors.js';
import type { Logger } from '../../log.js';

/** Events show so long after they are in the view. */
const pollIntervalMs = 250;

export type EventListener = (events: readonly StoredEvent[]) => void;

export class EventFeed {
  readonly #view: ConnectionsReader;
  readonly #log: Logger;
  readonly #listeners = new Set<EventListener>();
  /** The id of the last event that the listeners have been given; null: nothing has happened yet. */
  #position: string | null = null;
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
    return this.#position;
  }

  /** `now`: the id of the last event there is. From it on this listener is given all events, in order. */
  listen(listener: EventListener, now: string | null): void {
    this.#listeners.add(listener);
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
        const { events, last } = await this.#view.events({ after: this.#position, limit: chunkSize });
        if (run !== this.#run) return;
        isFull = events.length === chunkSize;
        this.#isFailing = false;
        this.#position = last;
        if (events.length > 0) for (const listener of this.#listeners) listener(events);
      }
    } catch (error) {
      // The readers stay: the view comes back, and goes on where it was.
      if (!this.#isFailing)
        this.#log.warn({ reason: describeError(error) }, 'events cannot be read; trying on');
      this.#isFailing = true;
    }
  }
}

/** Those behind `known`. */
export function laterThan(events: readonly StoredEvent[], known: string | null): readonly StoredEvent[] {
  return known === null ? events : events.filter(({ id }) => isLaterEvent(id, known));
}
