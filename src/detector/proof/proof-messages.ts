// What passes between the primary and the process that tries a model: what to try goes in, what was found comes out.
import { z } from 'zod';
import { judgeOptionsSchema } from '../inference/judge-options.js';
import { modelSchema } from '../models/model-spec.js';

export const proofTaskSchema = z.object({
  judge: judgeOptionsSchema,
  /** The process ends itself then, should the primary not. */
  timeoutMs: z.int().positive(),
});
export type ProofTask = Readonly<z.output<typeof proofTaskSchema>>;

export const proofAnswerSchema = z.discriminatedUnion('type', [
  /** It judged every picture; `contents` (JudgeFiles) says what was read for it. */
  z.object({ type: z.literal('proved'), model: modelSchema, contents: z.string() }),
  /** It cannot serve, for a reason that a person can mend. */
  z.object({ type: z.literal('refused'), problem: z.string(), cure: z.string() }),
]);
export type ProofAnswer = Readonly<z.output<typeof proofAnswerSchema>>;
