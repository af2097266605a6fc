// Events that were told while Redis was away: workers tell it the same ones when it is back, under other ids.
import { embeddedEventsMax } from '../../connections/limits.js';
import type { ViewEvent } from '../../connections/record.js';

export class ToldEvents {
  /** The first one was told first. */
  readonly #keys = new Set<string>();

  add(events: readonly ViewEvent[]): void {
    for (const event of events) this.#keys.add(keyOf(event));
    for (const key of this.#keys) {
      if (this.#keys.size <= embeddedEventsMax) return;
      this.#keys.delete(key);
    }
  }

  has(event: ViewEvent): boolean {
    return this.#keys.size > 0 && this.#keys.has(keyOf(event));
  }

  clear(): void {
    this.#keys.clear();
  }
}

/** What makes it this one, whoever has given it an id. */
function keyOf({ type, at, host, worker = '', peer = '', model = '' }: ViewEvent): string {
  return [type, at, host, worker, peer, model].join(' ');
}
