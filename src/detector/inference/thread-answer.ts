// What comes of one image: what was found in it, or why it was not judged. It passes between threads and, where a worker
// has judged an image for another one, between processes.
import { z } from 'zod';
import { errorCodes } from '../../errors.js';

const milliseconds = z.number().nonnegative();

const detectionSchema = z.object({
  classIndex: z.int().nonnegative(),
  /** 0 to 1. */
  confidence: z.number(),
  /** `[x1, y1, x2, y2]` in pixels of the upright image; null: the whole image was judged. */
  box: z.tuple([z.number(), z.number(), z.number(), z.number()]).readonly().nullable(),
});
export type Detection = Readonly<z.output<typeof detectionSchema>>;

export const threadAnswerSchema = z.discriminatedUnion('ok', [
  z.object({
    ok: z.literal(true),
    /** Best first. */
    detections: z.array(detectionSchema).readonly(),
    decodeMs: milliseconds,
    inferenceMs: milliseconds,
  }),
  z.object({
    ok: z.literal(false),
    code: z.enum(errorCodes),
    message: z.string(),
    /** For the log only. */
    reason: z.string(),
  }),
]);
export type ThreadAnswer = Readonly<z.output<typeof threadAnswerSchema>>;
