// Disconnects peers of any host: this host's through its own workers, those of other hosts through their primaries,
// which are reached over Redis and ask this one in the same way.
import type { StoreChoice } from '../connections/choose-store.js';
import {
  kickAnswers,
  kickerName,
  kickHopMs,
  kickTimeoutMs,
  type KickAnswer,
  type Kicker,
  type KickOutcome,
} from '../connections/kick.js';
import { RedisControl } from '../connections/redis/control.js';
import type { Logger } from '../log.js';
import { LocalKicker } from './local-kicker.js';
import type { ToWorker } from './messages.js';
import { monotonicMs } from './monotonic.js';

export interface PrimaryKickerOptions {
  readonly hostId: string;
  readonly store: StoreChoice;
  /** How often it is seen to that this host can be reached over Redis. */
  readonly pingIntervalMs: number;
  readonly drainTimeoutMs: number;
  readonly log: Logger;
}

/** The host of a peer's id, `<hostId>/…`. */
const peerId = /^([A-Za-z0-9._-]{1,64})\/./;

export class PrimaryKicker implements Kicker {
  readonly #hostId: string;
  readonly #local = new LocalKicker();
  /** null: other hosts cannot be reached. */
  readonly #control: RedisControl | null;

  constructor({ hostId, store, pingIntervalMs, drainTimeoutMs, log }: PrimaryKickerOptions) {
    this.#hostId = hostId;
    this.#control =
      store.kind === 'redis'
        ? new RedisControl({
            settings: store.redis,
            hostId,
            pingIntervalMs,
            drainTimeoutMs,
            onKick: (ids, by, limitMs) => this.#local.kick(ids, by, limitMs),
            log,
          })
        : null;
  }

  /** From now on other hosts can reach this one, as soon as Redis can be reached. */
  listen(): void {
    this.#control?.listen();
  }

  close(): void {
    this.#control?.close();
  }

  addWorker(workerId: string, send: (message: ToWorker) => void): void {
    this.#local.addWorker(workerId, send);
  }

  removeWorker(workerId: string): void {
    this.#local.removeWorker(workerId);
  }

  disconnected(workerId: string, id: number, ids: readonly string[]): void {
    this.#local.disconnected(workerId, id, ids);
  }

  kick(ids: readonly string[], by: string): Promise<readonly KickAnswer[]> {
    return this.#kick(ids, by, kickTimeoutMs);
  }

  /** The same for a worker that waits until `untilMs`, by the clock of `monotonicMs`. */
  async kickFor(kick: {
    readonly ids: readonly string[];
    readonly by: string;
    readonly untilMs: number;
  }): Promise<readonly KickAnswer[]> {
    const limitMs = kick.untilMs - monotonicMs() - kickHopMs;
    if (limitMs <= 0) return kickAnswers(kick.ids, () => 'no answer');
    return this.#kick(kick.ids, kick.by, limitMs);
  }

  async #kick(ids: readonly string[], by: string, limitMs: number): Promise<readonly KickAnswer[]> {
    const own: string[] = [];
    const others = new Map<string, string[]>();
    for (const id of new Set(ids)) {
      const [, host] = peerId.exec(id) ?? [];
      if (host === this.#hostId) own.push(id);
      else if (host !== undefined) others.set(host, [...(others.get(host) ?? []), id]);
    }
    const name = kickerName(by);
    const [ownOutcomes, otherOutcomes] = await Promise.all([
      this.#kickOwn(own, name, limitMs),
      others.size > 0 ? this.#control?.kick(others, name, limitMs) : undefined,
    ]);
    return kickAnswers(ids, (id): KickOutcome => {
      const outcome = ownOutcomes.get(id) ?? otherOutcomes?.get(id);
      return outcome ?? (peerId.test(id) ? 'owner unreachable' : 'not found');
    });
  }

  /** Peers of this host; those that are not here may be with another primary that has its id, as at a reload. */
  async #kickOwn(
    ids: readonly string[],
    name: string,
    limitMs: number,
  ): Promise<ReadonlyMap<string, KickOutcome>> {
    const endsAt = monotonicMs() + limitMs;
    const outcomes = await this.#local.kick(ids, name, limitMs);
    if (this.#control?.hasTwin !== true) return outcomes;
    const missing = ids.filter((id) => outcomes.get(id) === 'not found');
    if (missing.length === 0) return outcomes;
    const others = await this.#control.kick(new Map([[this.#hostId, missing]]), name, endsAt - monotonicMs());
    return new Map([...outcomes, ...others]);
  }
}
