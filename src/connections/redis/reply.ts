// What Redis answers, read once it has answered.
import type { z } from 'zod';
import { StoreUnavailableError } from '../../errors.js';

/** A reply as it ought to be. Another one is as good as none: throws StoreUnavailableError. */
export function parseReply<T>(schema: z.ZodType<T>, reply: unknown): T {
  const parsed = schema.safeParse(reply);
  if (parsed.success) return parsed.data;
  throw new StoreUnavailableError('Redis answered what it was not asked', { cause: parsed.error });
}
