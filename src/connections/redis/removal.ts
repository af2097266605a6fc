// Removing workers that ended without saying so: their peers' last records go to the history, their keys go.
// The primary removes its own dead worker at once; a worker whose whole host is gone is removed by whoever
// meets its stale lease.
import { z } from 'zod';
import { StoreUnavailableError } from '../../errors.js';
import type { RedisSettings } from '../choose-store.js';
import { hostOf } from '../filter.js';
import { chunkSize, closedHistoryMax, eventHistoryMax, removalRowsMax } from '../limits.js';
import type { CloseReason } from '../record.js';
import { isWrongType, type RedisConnection } from './connection.js';
import { aheadMaxMs, inPairs, type Directory } from './directory.js';
import { closedColumns, fillAppend } from './flush.js';
import type { RedisKeys } from './keys.js';
import { parseReply } from './reply.js';
import { bringBack, remove } from './scripts.js';

/** Longer than a removal takes; one that died on the way is done again after it. */
const lockTtlMs = 10_000;

/** A number, -1 for none. */
const removeReply = z.int();

interface Removal {
  readonly reason: CloseReason;
  /** When the peers count as closed, ms since the epoch. */
  readonly closedAtMs: number;
  /** At most so many rows go to the history. */
  readonly rowsMax: number;
  /** Removes only where the lease has run out by then; null: in any case. */
  readonly leaseMs: number | null;
}

interface Removed {
  /** Written to the history. */
  readonly rows: number;
  /** How many peers it had; null: it was not there, or has come back. */
  readonly peers: number | null;
}

/** Rejects with StoreUnavailableError. */
export async function removeWorker(
  connection: RedisConnection,
  keys: RedisKeys,
  workerId: string,
  removal: Removal,
): Promise<Removed> {
  const rows = removal.rowsMax > 0 ? await writeHistory(connection, keys, workerId, removal) : 0;
  const peers = await deleteWorker(connection, keys, workerId, removal.reason, removal.leaseMs);
  return { rows, peers };
}

/**
 * Deletes a worker's keys and its place in the directory, and says so in the events. Resolves to the number of its
 * peers, null where it was not there or has come back.
 */
export async function deleteWorker(
  connection: RedisConnection,
  keys: RedisKeys,
  workerId: string,
  reason: CloseReason,
  leaseMs: number | null,
): Promise<number | null> {
  const touched = [
    keys.workers,
    keys.worker(workerId),
    keys.peers(workerId),
    keys.resync(workerId),
    keys.events,
  ];
  const values = [workerId, hostOf(workerId), reason, eventHistoryMax, leaseMs ?? ''];
  const reply = await connection.run((redis) => redis.eval(remove, touched.length, ...touched, ...values));
  const peers = parseReply(removeReply, reply);
  return peers < 0 ? null : peers;
}

/**
 * Removes the stale workers, host by host; a host that somebody else is at is left to them. Resolves to the workers whose
 * lease does not hold and who have to stay for now. It does not reject where Redis fails: whoever reads learns that.
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
    const isDone = await unlessAway(() => removeHost(connection, keys, directory, host, settings.leaseMs));
    if (!isDone) for (const id of stale) if (hostOf(id) === host) left.add(id);
  }
  return [...left].sort();
}

async function removeHost(
  connection: RedisConnection,
  keys: RedisKeys,
  { nowMs, alive, stale }: Directory,
  host: string,
  leaseMs: number,
): Promise<void> {
  const lock = keys.lock(host);
  if ((await connection.run((redis) => redis.set(lock, '1', 'PX', lockTtlMs, 'NX'))) === null) return;
  const ages = [...alive].filter(([id]) => hostOf(id) === host).map(([, ageMs]) => ageMs);
  // The workers of a lost host fall silent together, so that none of them has been heard of for long when the first lease ends.
  const reason = ages.some((ageMs) => ageMs <= leaseMs / 2) ? 'worker died' : 'host lost';
  let rowsMax = removalRowsMax;
  let peers: number | null = null;
  for (const workerId of stale.filter((id) => hostOf(id) === host)) {
    const removal = { reason, closedAtMs: nowMs, rowsMax, leaseMs } as const;
    const removed = await removeWorker(connection, keys, workerId, removal);
    rowsMax -= removed.rows;
    if (removed.peers !== null) peers = (peers ?? 0) + removed.peers;
  }
  // Once, with the last of its workers. Null: all of them have come back, or somebody else was faster.
  if (reason === 'host lost' && peers !== null && ages.length === 0)
    await tellHostLost(connection, keys, host, nowMs, peers);
  // If the lock ran out meanwhile this frees another's; then rows may stand twice in the history.
  await connection.run((redis) => redis.unlink(lock));
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

/** False where Redis did not do it. */
async function unlessAway(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return false;
  }
}

async function tellHostLost(
  connection: RedisConnection,
  keys: RedisKeys,
  host: string,
  atMs: number,
  peers: number,
): Promise<void> {
  await connection.runAll((pipeline) => {
    const columns = ['type', 'host', 'at', 'peers'];
    fillAppend(pipeline, keys.events, eventHistoryMax, columns, [['host lost', host, atMs, peers]]);
  });
}

async function writeHistory(
  connection: RedisConnection,
  keys: RedisKeys,
  workerId: string,
  { reason, closedAtMs, rowsMax }: Removal,
): Promise<number> {
  const written = new Set<string>();
  let scan = '0';
  do {
    let batch: [string, string][];
    try {
      const from = scan;
      const [next, flat] = await connection.run(
        (redis) => redis.hscan(keys.peers(workerId), from, 'COUNT', chunkSize),
        'wrong type',
      );
      scan = next;
      batch = inPairs(flat);
    } catch (error) {
      // Somebody else's value under this key: there is no history in it, but it must not stay for ever.
      if (isWrongType(error)) break;
      throw error;
    }
    const fresh = new Map(batch.filter(([id]) => !written.has(id)));
    const rows = [...fresh].slice(0, rowsMax - written.size);
    for (const [id] of rows) written.add(id);
    // Where somebody has put another value in place of the history, nobody has to stay because of it.
    await connection.runEach((pipeline) => {
      const values = rows.map(([id, peer]) => [id, reason, closedAtMs, peer]);
      fillAppend(pipeline, keys.closed, closedHistoryMax, closedColumns, values);
    });
  } while (scan !== '0' && written.size < rowsMax);
  return written.size;
}
