// What has closed and happened on a worker while the store of all hosts was away, to be told to it afterwards.
import { chunkSize, missedRowsMax } from './limits.js';
import type { ClosedPeer, ViewEvent } from './record.js';
import type { ViewChanges } from './store.js';

type History = Pick<ViewChanges, 'closed' | 'events'>;

export class MissedHistory {
  #closed: readonly ClosedPeer[] = [];
  #events: readonly ViewEvent[] = [];

  /** Where there are too many the oldest are forgotten. */
  add({ closed, events }: History): void {
    this.#closed = lastOf(this.#closed, closed);
    this.#events = lastOf(this.#events, events);
  }

  /**
   * Tells `flush` all of it, piece by piece, also what comes meanwhile, until it is `untilMs` by `performance.now()`, but one
   * piece at least. What is left or rejected is kept for the next time.
   */
  async tell(flush: (history: History) => Promise<void>, untilMs = Infinity): Promise<void> {
    while (this.#closed.length + this.#events.length > 0) {
      const piece = { closed: this.#closed.slice(0, chunkSize), events: this.#events.slice(0, chunkSize) };
      this.#closed = this.#closed.slice(chunkSize);
      this.#events = this.#events.slice(chunkSize);
      try {
        await flush(piece);
      } catch (error) {
        this.#closed = lastOf(piece.closed, this.#closed);
        this.#events = lastOf(piece.events, this.#events);
        throw error;
      }
      if (performance.now() > untilMs) return;
    }
  }
}

function lastOf<Row>(rows: readonly Row[], more: readonly Row[]): readonly Row[] {
  return more.length === 0 ? rows : [...rows, ...more].slice(-missedRowsMax);
}
