// What is known of one request to other hosts, while their answers come in.
import type { KickOutcome } from '../kick.js';
import type { ControlReply } from './control-messages.js';

interface AskedHost {
  readonly ids: ReadonlySet<string>;
  /** Who listened when it was asked; null: that is not known, or it has not been asked. */
  receivers: number | null;
  replies: number;
  readonly kicked: Set<string>;
  /** Somebody who listened does not know either. */
  readonly unsure: Set<string>;
}

export class Inquiry {
  readonly #hosts: ReadonlyMap<string, AskedHost>;
  #isSent = false;

  constructor(idsByHost: ReadonlyMap<string, readonly string[]>) {
    this.#hosts = new Map(
      [...idsByHost].map(([host, ids]) => [
        host,
        { ids: new Set(ids), receivers: null, replies: 0, kicked: new Set(), unsure: new Set() },
      ]),
    );
  }

  /** From now on a host may have heard it. */
  sending(): void {
    this.#isSent = true;
  }

  sent(host: string, receivers: number): void {
    const asked = this.#hosts.get(host);
    if (asked !== undefined) asked.receivers = receivers;
  }

  /** What was not asked for is left out. */
  take({ host, answers }: ControlReply): void {
    const asked = this.#hosts.get(host);
    if (asked === undefined) return;
    asked.replies++;
    for (const { id, outcome } of answers) {
      if (!asked.ids.has(id)) continue;
      if (outcome === 'kicked') asked.kicked.add(id);
      else if (outcome !== 'not found') asked.unsure.add(id);
    }
  }

  /** Whether no answer can change anything any more. */
  get isSettled(): boolean {
    return [...this.#hosts.values()].every(
      (host) => hasAnswered(host) || (host.receivers !== null && host.kicked.size === host.ids.size),
    );
  }

  get outcomes(): ReadonlyMap<string, KickOutcome> {
    const outcomes = new Map<string, KickOutcome>();
    for (const host of this.#hosts.values()) {
      for (const id of host.ids) outcomes.set(id, this.#outcomeOf(host, id));
    }
    return outcomes;
  }

  #outcomeOf(host: AskedHost, id: string): KickOutcome {
    if (host.kicked.has(id)) return 'kicked';
    if (!this.#isSent || host.receivers === 0) return 'owner unreachable';
    return hasAnswered(host) && !host.unsure.has(id) ? 'not found' : 'no answer';
  }
}

/** All who listened: a host that has two primaries for a moment is asked twice, and only one of them has the peer. */
function hasAnswered({ receivers, replies }: AskedHost): boolean {
  return receivers !== null && replies >= receivers;
}
