// The primary's hand in Redis: it knows first that a worker has died, and removes its records at once; and it clears away
// the workers of lost hosts, also where nobody lists.
import type { RedisSettings } from '../choose-store.js';
import { hostOf } from '../filter.js';
import { removalRowsMax } from '../limits.js';
import type { CloseReason } from '../record.js';
import { RedisConnection } from './connection.js';
import { readDirectory } from './directory.js';
import { redisKeys, type RedisKeys } from './keys.js';
import { pauseMs, pulseIntervalMs, removeStale, removeWorkers } from './removal.js';
import { pulse } from './scripts.js';
import type { WorkerReaper } from '../store.js';

export class RedisReaper implements WorkerReaper {
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #settings: RedisSettings;

  /** Connects at the first call. `onTrouble` takes lines for the log. */
  constructor(settings: RedisSettings, onTrouble: (message: string) => void) {
    this.#connection = new RedisConnection({ ...settings, onTrouble });
    this.#keys = redisKeys(settings.keyPrefix);
    this.#settings = settings;
  }

  async removeWorker(workerId: string, reason: CloseReason): Promise<void> {
    await this.#connection.ready();
    const removal = { reason, rowsMax: removalRowsMax, leases: null };
    await removeWorkers(this.#connection, this.#keys, hostOf(workerId), [workerId], removal);
  }

  get pulseIntervalMs(): number {
    return pulseIntervalMs(this.#settings.leaseMs);
  }

  /** Gives a sign that Redis takes writes: without it nobody can be removed. Rejects with StoreUnavailableError. */
  async pulse(): Promise<void> {
    const { leaseMs, keyTtlMs } = this.#settings;
    await this.#connection.run((redis) =>
      redis.eval(pulse, 1, this.#keys.steady(leaseMs), pauseMs(leaseMs), keyTtlMs),
    );
    this.#connection.tookWrites();
  }

  /** Removes the workers whose lease has run out, unless that may be Redis's own doing. Rejects with StoreUnavailableError. */
  async sweep(): Promise<void> {
    const directory = await readDirectory(this.#connection, this.#keys, this.#settings.leaseMs);
    await removeStale(this.#connection, this.#keys, directory, this.#settings);
  }

  close(): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }
}
