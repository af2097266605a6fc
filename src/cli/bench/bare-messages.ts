// What the benchmark and a bare pipeline tell each other.
import { z } from 'zod';

const bareModelSchema = z.object({
  modelPath: z.string(),
  folder: z.string(),
  /** Names in the folder. */
  photos: z.array(z.string()).min(1),
  confidenceThreshold: z.number(),
  /** Grey value of the padding, 0 to 255. */
  letterboxFill: z.number(),
  /** Whether the padding is laid round the scaled photo by copying, or by sharp. */
  copies: z.boolean(),
});
export type BareModel = Readonly<z.output<typeof bareModelSchema>>;

export const bareOrderSchema = z.discriminatedUnion('type', [
  bareModelSchema.extend({ type: z.literal('load') }),
  z.object({ type: z.literal('run'), seconds: z.number() }),
]);

/** Verdicts by name: class index, -1 for no pear. */
export const verdictsSchema = z.record(z.string(), z.int());

export const bareResultSchema = z.object({
  images: z.int(),
  seconds: z.number(),
  cpuMs: z.number(),
  verdicts: verdictsSchema,
});
export type BareResult = Readonly<z.output<typeof bareResultSchema>>;
