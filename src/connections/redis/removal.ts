// Removing workers that ended: their peers' last records go to the history, their keys go.
// The primary removes its own dead worker at once; a worker whose whole host is gone is removed by whoever
// meets its stale lease.
import { z } from 'zod';
import { StoreUnavailableError } from '../../errors.js';
import type { RedisSettings } from '../choose-store.js';
import { hostOf } from '../filter.js';
import { closedHistoryMax, eventHistoryMax, removalRowsMax } from '../limits.js';
import type { CloseReason } from '../record.js';
import type { RedisConnection } from './connection.js';
import { aheadMaxMs, type Directory } from './directory.js';
import type { RedisKeys } from './keys.js';
import { parseReply } from './reply.js';
import { bringBack, remove } from './scripts.js';

/** Who has come back. */
const removeReply = z.array(z.string());

interface Removal {
  readonly reason: CloseReason;
  /** At most so many of all their peers go to the history. */
  readonly rowsMax: number;
  /** Removes only whose lease has run out by then; null: in any case. */
  readonly leaseMs: number | null;
}

/**
 * Deletes the keys of workers of one host and their places in the directory, and says so in the history and the events.
 * Resolves to those that have come back and so stay. Rejects with StoreUnavailableError.
 */
export async function removeWorkers(
  connection: RedisConnection,
  keys: RedisKeys,
  host: string,
  ids: readonly string[],
  { reason, rowsMax, leaseMs }: Removal,
): Promise<readonly string[]> {
  const touched = [
    keys.workers,
    keys.events,
    keys.closed,
    ...ids.flatMap((id) => [keys.worker(id), keys.peers(id), keys.resync(id)]),
  ];
  const values = [host, reason, eventHistoryMax, closedHistoryMax, leaseMs ?? '', rowsMax, ...ids];
  const reply = await connection.run((redis) => redis.eval(remove, touched.length, ...touched, ...values));
  return parseReply(removeReply, reply);
}

/**
 * Removes the stale workers, host by host. Resolves to the workers whose lease does not hold and who have to stay for now.
 * It does not reject where Redis fails: whoever reads learns that.
 */
export async function removeStale(
  connection: RedisConnection,
  keys: RedisKeys,
  directory: Directory,
  settings: Pick<RedisSettings, 'leaseMs' | 'removalGraceMs'>,
): Promise<readonly string[]> {
  const { alive, stale, ahead } = directory;
  const left = new Set(ahead);
  await unlessAway(() => bringAllBack(connection, keys, ahead, settings.leaseMs));
  // That all have ended at once is unlikely; that none could write, as while Redis has no memory, is not, and they come back one by one.
  if (stale.length > 0 && alive.size === 0) connection.doubt();
  // While Redis was away nobody could renew a lease: those that have run out say nothing yet of who lives.
  if (connection.steadyForMs < settings.removalGraceMs || alive.size === 0) return [...stale, ...left].sort();
  for (const host of new Set(stale.map(hostOf))) {
    let stay: readonly string[] = stale.filter((id) => hostOf(id) === host);
    const { leaseMs } = settings;
    const reason = reasonOf(host, alive, leaseMs);
    if (reason !== null) {
      const removal = { reason, rowsMax: removalRowsMax, leaseMs };
      await unlessAway(async () => {
        stay = await removeWorkers(connection, keys, host, stay, removal);
      });
    }
    for (const id of stay) left.add(id);
  }
  return [...left].sort();
}

/**
 * The workers of a lost host fall silent together, so that none of them has been heard of for long when the first lease ends. They go
 * together, too, once the last lease has ended: null until then.
 */
function reasonOf(host: string, alive: Directory['alive'], leaseMs: number): CloseReason | null {
  const ages = [...alive].filter(([id]) => hostOf(id) === host).map(([, ageMs]) => ageMs);
  if (ages.length === 0) return 'host lost';
  return ages.some((ageMs) => ageMs <= leaseMs / 2) ? 'worker died' : null;
}

async function bringAllBack(
  connection: RedisConnection,
  keys: RedisKeys,
  workerIds: readonly string[],
  leaseMs: number,
): Promise<void> {
  if (workerIds.length === 0) return;
  await connection.runAll((pipeline) => {
    for (const id of workerIds) pipeline.eval(bringBack, 1, keys.workers, id, aheadMaxMs(leaseMs));
  });
}

/** Where Redis does not do it, nothing is done. */
async function unlessAway(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
  }
}
