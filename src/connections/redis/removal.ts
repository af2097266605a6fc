// Removing workers that ended without saying so: their peers' last records go to the history, their keys go.
// The primary removes its own dead worker at once; a worker whose whole host is gone is removed by whoever
// meets its stale lease.
import { z } from 'zod';
import { hostOf } from '../filter.js';
import { chunkSize, closedHistoryMax, eventHistoryMax, removalRowsMax } from '../limits.js';
import type { CloseReason } from '../record.js';
import type { RedisConnection } from './connection.js';
import { isWrongType } from './connection.js';
import { inPairs, type Directory } from './directory.js';
import { closedColumns, fillAppend } from './flush.js';
import type { RedisKeys } from './keys.js';
import { remove } from './scripts.js';

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
  const peers = removeReply.parse(reply);
  return peers < 0 ? null : peers;
}

/** Removes the stale workers, host by host; a host that somebody else is at is left to them. */
export async function removeStale(
  connection: RedisConnection,
  keys: RedisKeys,
  directory: Directory,
  leaseMs: number,
): Promise<void> {
  const hostsLeft = new Set([...directory.alive.keys()].map(hostOf));
  // The workers of a lost host fall silent together, so that none of them has been heard of for long when the first lease ends.
  const heard = [...directory.alive].filter(([, ageMs]) => ageMs <= leaseMs / 2);
  const hostsAlive = new Set(heard.map(([workerId]) => hostOf(workerId)));
  for (const host of new Set(directory.stale.map(hostOf))) {
    const lock = keys.lock(host);
    if ((await connection.run((redis) => redis.set(lock, '1', 'PX', lockTtlMs, 'NX'))) === null) continue;
    const reason = hostsAlive.has(host) ? 'worker died' : 'host lost';
    let rowsMax = removalRowsMax;
    let peers: number | null = null;
    for (const workerId of directory.stale.filter((id) => hostOf(id) === host)) {
      const removal = { reason, closedAtMs: directory.nowMs, rowsMax, leaseMs } as const;
      const removed = await removeWorker(connection, keys, workerId, removal);
      rowsMax -= removed.rows;
      if (removed.peers !== null) peers = (peers ?? 0) + removed.peers;
    }
    // Once, with the last of its workers. Null: all of them have come back, or somebody else was faster.
    if (reason === 'host lost' && peers !== null && !hostsLeft.has(host))
      await tellHostLost(connection, keys, host, directory.nowMs, peers);
    // If the lock ran out meanwhile this frees another's; then rows may stand twice in the history.
    await connection.run((redis) => redis.unlink(lock));
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
    await connection.runAll((pipeline) => {
      const values = rows.map(([id, peer]) => [id, reason, closedAtMs, peer]);
      fillAppend(pipeline, keys.closed, closedHistoryMax, closedColumns, values);
    });
  } while (scan !== '0' && written.size < rowsMax);
  return written.size;
}
