// Numbers of 64 bits as Redis writes them, in cursors and ids; it answers larger ones with an error.
import { z } from 'zod';

const max = 2n ** 64n - 1n;

/** In decimal. */
export const uint64Schema = z
  .string()
  .regex(/^\d{1,20}$/)
  // Also run on what the pattern has refused.
  .refine((text) => /^\d{1,20}$/.test(text) && BigInt(text) <= max);
