// The directory of workers in Redis: whose lease holds, whose has run out, and their records.
import { z } from 'zod';
import { leaseMaxMs } from '../../config/schema.js';
import type { WorkerView } from '../record.js';
import type { RedisConnection } from './connection.js';
import type { RedisKeys } from './keys.js';
import { fromWorkerHash, leaseField, workerFields } from './records.js';
import { parseReply } from './reply.js';

export interface Directory {
  /** Workers whose lease holds → ms since their last heartbeat, ordered by id. */
  readonly alive: ReadonlyMap<string, number>;
  /** Workers whose lease has run out and whom nobody has removed yet, ordered by id. */
  readonly stale: readonly string[];
  /** Workers whose lease was given by a clock that was ahead of Redis's own, ordered by id. */
  readonly ahead: readonly string[];
}

const timeReply = z.tuple([z.coerce.number(), z.coerce.number()]);
const directoryReply = z.array(z.string());
const leaseReply = z.string().transform(Number).pipe(z.number());
const hashReply = z.array(z.string().nullable());

/** Rejects with StoreUnavailableError. */
export async function readDirectory(
  connection: RedisConnection,
  keys: RedisKeys,
  leaseMs: number,
): Promise<Directory> {
  const [time, members] = await connection.runAll((pipeline) => {
    pipeline.time();
    pipeline.zrange(keys.workers, 0, '-1', 'WITHSCORES');
  });
  const [seconds, microseconds] = parseReply(timeReply, time);
  const nowMs = seconds * 1000 + Math.floor(microseconds / 1000);
  const ages = inPairs(parseReply(directoryReply, members)).map(([workerId, seenAt]): [string, number] => [
    workerId,
    nowMs - scoreOf(seenAt),
  ]);
  ages.sort(([a], [b]) => (a < b ? -1 : 1));
  const leases = await longerLeases(
    connection,
    keys,
    ages.flatMap(([workerId, ageMs]) => (ageMs > leaseMs ? [workerId] : [])),
    leaseMs,
  );
  const isStale = (workerId: string, ageMs: number) => ageMs > (leases.get(workerId) ?? leaseMs);
  const isAhead = (ageMs: number) => ageMs < -aheadMaxMs(leaseMs);
  const alive = ages.filter(([workerId, ageMs]) => !isStale(workerId, ageMs) && !isAhead(ageMs));
  return {
    alive: new Map(alive.map(([workerId, ageMs]) => [workerId, Math.max(0, ageMs)])),
    stale: ages.filter(([workerId, ageMs]) => isStale(workerId, ageMs)).map(([workerId]) => workerId),
    ahead: ages.filter(([, ageMs]) => isAhead(ageMs)).map(([workerId]) => workerId),
  };
}

/** The leases of those of these workers that have given themselves a longer one, as on a host that is configured otherwise. */
async function longerLeases(
  connection: RedisConnection,
  keys: RedisKeys,
  workerIds: readonly string[],
  leaseMs: number,
): Promise<ReadonlyMap<string, number>> {
  if (workerIds.length === 0) return new Map();
  const replies = await connection.runEach((pipeline) => {
    for (const id of workerIds) pipeline.hget(keys.worker(id), leaseField);
  });
  const own = workerIds.map((id, index): [string, number] => [
    id,
    leaseReply.safeParse(replies[index]).data ?? 0,
  ]);
  return new Map(own.filter(([, ownMs]) => ownMs > leaseMs && ownMs <= leaseMaxMs));
}

/** Redis prints endless scores as `inf` and `-inf`, which are no numbers here. */
function scoreOf(text: string): number {
  return Number(text.replace(/inf$/, 'Infinity'));
}

/** A lease may be ahead of Redis's clock by so much, as after a small step back; beyond it nobody could wait for its end. */
export function aheadMaxMs(leaseMs: number): number {
  return Math.floor(leaseMs / 2);
}

/** The records of the workers whose lease holds, and who has none that can be read; `onUnreadable` is told of those. */
export async function readWorkers(
  connection: RedisConnection,
  keys: RedisKeys,
  directory: Directory,
  onUnreadable: (workerId: string) => void,
): Promise<{ readonly workers: readonly WorkerView[]; readonly unread: readonly string[] }> {
  const replies = await connection.runEach((pipeline) => {
    for (const workerId of directory.alive.keys()) pipeline.hmget(keys.worker(workerId), ...workerFields);
  });
  const workers: WorkerView[] = [];
  const unread: string[] = [];
  for (const [index, [workerId, ageMs]] of [...directory.alive].entries()) {
    const hash = hashReply.safeParse(replies[index]).data;
    const record = hash === undefined ? null : fromWorkerHash(hash);
    if (record !== null) {
      workers.push({ record, ageMs });
      continue;
    }
    unread.push(workerId);
    onUnreadable(workerId);
  }
  return { workers, unread };
}

/** Redis answers maps as one flat list. */
export function inPairs(flat: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) {
    pairs.push([flat[index] ?? '', flat[index + 1] ?? '']);
  }
  return pairs;
}
