// What a judge is made of, without the libraries that it needs: the primary, which never loads those, says it, too.
import { z } from 'zod';
import { modelOverridesSchema } from '../models/model-spec.js';
import { runtimeSchema } from './runtime.js';

export const judgeOptionsSchema = z.object({
  modelPath: z.string(),
  /** Finds the pear for the classifier at `modelPath`; null: that model judges alone. */
  preprocessorPath: z.string().nullable(),
  overrides: modelOverridesSchema,
  runtime: runtimeSchema,
  /** Longest file of a network; left out: as long as ONNX files can be. */
  maxModelBytes: z.int().positive().optional(),
  /** The fingerprint of what was proved: nothing else is loaded. Left out or null: whatever is there. */
  expectedFingerprint: z.string().nullable().optional(),
});
export type JudgeOptions = Readonly<z.output<typeof judgeOptionsSchema>>;
