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

/** Who stays. */
const removeReply = z.array(z.string());

type Leases = Pick<RedisSettings, 'leaseMs' | 'removalGraceMs' | 'keyTtlMs'>;

interface Removal {
  readonly reason: CloseReason;
  /** At most so many of all their peers go to the history. */
  readonly rowsMax: number;
  /** Removes only whose lease has run out by then, and nobody who may have been kept from renewing it; null: in any case. */
  readonly leases: Leases | null;
}

/**
 * Of a lease: without a sign for so long that Redis takes writes it may have taken none. Short enough that whoever had to wait for
 * it, and is late to notice that it is back, still renews a lease in time; several times as long as each primary takes for a sign.
 */
const pauseShare = 1 / 5;
const pulseShare = 1 / 15;

/** How often a primary gives a sign that Redis takes writes. */
export function pulseIntervalMs(leaseMs: number): number {
  return leaseMs * pulseShare;
}

/** Without a sign for so long Redis counts as one that took no writes. */
export function pauseMs(leaseMs: number): number {
  return Math.ceil(leaseMs * pauseShare);
}

/**
 * Deletes the keys of workers of one host and their places in the directory, and says so in the history and the events.
 * Resolves to those that have come back, or could not, and so stay. Rejects with StoreUnavailableError.
 */
export async function removeWorkers(
  connection: RedisConnection,
  keys: RedisKeys,
  host: string,
  ids: readonly string[],
  { reason, rowsMax, leases }: Removal,
): Promise<readonly string[]> {
  const touched = [
    keys.workers,
    keys.events,
    keys.closed,
    keys.steady(leases?.leaseMs ?? 0),
    ...ids.flatMap((id) => [keys.worker(id), keys.peers(id), keys.resync(id)]),
  ];
  const conditions =
    leases === null
      ? ['', '', '', '']
      : [leases.leaseMs, pauseMs(leases.leaseMs), leases.removalGraceMs, leases.keyTtlMs];
  const values = [host, reason, eventHistoryMax, closedHistoryMax, rowsMax, ...conditions, ...ids];
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
  leases: Leases,
): Promise<readonly string[]> {
  const { alive, stale, ahead } = directory;
  const { leaseMs } = leases;
  const left = new Set(ahead);
  await unlessAway(() => bringAllBack(connection, keys, ahead, leaseMs));
  // That all have fallen silent together is unlikely; that none could write, and they come back one by one, is not.
  if (![...alive.values()].some((ageMs) => ageMs <= leaseMs / 2)) return [...stale, ...left].sort();
  for (const host of new Set(stale.map(hostOf))) {
    let stay: readonly string[] = stale.filter((id) => hostOf(id) === host);
    const reason = reasonOf(host, alive, leaseMs);
    if (reason !== null) {
      const removal = { reason, rowsMax: removalRowsMax, leases };
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
