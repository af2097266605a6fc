// The primary's hand in Redis: it knows first that a worker has died, and removes its records at once; and it clears away
// the workers of lost hosts, also where nobody lists.
import type { RedisSettings } from '../choose-store.js';
import { removalRowsMax } from '../limits.js';
import type { CloseReason } from '../record.js';
import { RedisConnection } from './connection.js';
import { readDirectory } from './directory.js';
import { redisKeys, type RedisKeys } from './keys.js';
import { removeStale, removeWorker } from './removal.js';
import type { WorkerReaper } from '../store.js';

export class RedisReaper implements WorkerReaper {
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #leaseMs: number;
  /** When the last sweep succeeded, and the first of those without a long gap between them; by this process's own clock. */
  #lastSweptMs = -Infinity;
  #steadySinceMs = 0;

  /** Connects at the first call. `onTrouble` takes lines for the log. */
  constructor(settings: RedisSettings, onTrouble: (message: string) => void) {
    this.#connection = new RedisConnection({ ...settings, onTrouble });
    this.#keys = redisKeys(settings.keyPrefix);
    this.#leaseMs = settings.leaseMs;
  }

  async removeWorker(workerId: string, reason: CloseReason): Promise<void> {
    await this.#connection.ready();
    const { nowMs } = await readDirectory(this.#connection, this.#keys, this.#leaseMs);
    await removeWorker(this.#connection, this.#keys, workerId, {
      reason,
      closedAtMs: nowMs,
      rowsMax: removalRowsMax,
      leaseMs: null,
    });
  }

  /**
   * Removes the workers whose lease has run out. After an outage, or a pause of this process, it waits for one lease
   * first: those that live have to be heard of again. Rejects with StoreUnavailableError.
   */
  async sweep(): Promise<void> {
    const before = this.#lastSweptMs;
    this.#lastSweptMs = -Infinity;
    const directory = await readDirectory(this.#connection, this.#keys, this.#leaseMs);
    const now = performance.now();
    if (now - before > this.#leaseMs) this.#steadySinceMs = now;
    if (now - this.#steadySinceMs >= this.#leaseMs)
      await removeStale(this.#connection, this.#keys, directory, this.#leaseMs);
    this.#lastSweptMs = now;
  }

  close(): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }
}
