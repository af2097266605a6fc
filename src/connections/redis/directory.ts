// The directory of workers in Redis: whose lease holds, whose has run out, and their records.
import { z } from 'zod';
import type { WorkerView } from '../record.js';
import type { RedisConnection } from './connection.js';
import type { RedisKeys } from './keys.js';
import { fromWorkerHash, workerFields } from './records.js';

export interface Directory {
  /** Redis's own clock, ms since the epoch. */
  readonly nowMs: number;
  /** Workers whose lease holds → ms since their last heartbeat, ordered by id. */
  readonly alive: ReadonlyMap<string, number>;
  /** Workers whose lease has run out and whom nobody has removed yet, ordered by id. */
  readonly stale: readonly string[];
}

const timeReply = z.tuple([z.coerce.number(), z.coerce.number()]);
const directoryReply = z.array(z.string());
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
  const [seconds, microseconds] = timeReply.parse(time);
  const nowMs = seconds * 1000 + Math.floor(microseconds / 1000);
  const ages = inPairs(directoryReply.parse(members)).map(([workerId, seenAt]): [string, number] => [
    workerId,
    Math.max(0, nowMs - Number(seenAt)),
  ]);
  ages.sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    nowMs,
    alive: new Map(ages.filter(([, ageMs]) => ageMs <= leaseMs)),
    stale: ages.filter(([, ageMs]) => ageMs > leaseMs).map(([workerId]) => workerId),
  };
}

/** The records of the workers whose lease holds; `onUnreadable` is told of those that are none. */
export async function readWorkers(
  connection: RedisConnection,
  keys: RedisKeys,
  directory: Directory,
  onUnreadable: (workerId: string) => void,
): Promise<WorkerView[]> {
  const replies = await connection.runAll((pipeline) => {
    for (const workerId of directory.alive.keys()) pipeline.hmget(keys.worker(workerId), ...workerFields);
  });
  return [...directory.alive].flatMap(([workerId, ageMs], index) => {
    const record = fromWorkerHash(hashReply.parse(replies[index]));
    if (record !== null) return [{ record, ageMs }];
    onUnreadable(workerId);
    return [];
  });
}

/** Redis answers maps as one flat list. */
export function inPairs(flat: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) {
    pairs.push([flat[index] ?? '', flat[index + 1] ?? '']);
  }
  return pairs;
}
