// Redis's own clock: the only one that hosts share, and nobody sets it where one of them is wrong.
import { z } from 'zod';
import type { RedisConnection } from './connection.js';
import { parseReply } from './reply.js';

const timeReply = z.tuple([z.coerce.number(), z.coerce.number()]);

/** Milliseconds since the epoch. Rejects with StoreUnavailableError. */
export async function redisNow(connection: RedisConnection): Promise<number> {
  const [seconds, microseconds] = parseReply(timeReply, await connection.run((redis) => redis.time()));
  return seconds * 1_000 + microseconds / 1_000;
}
