// What a client may ask to be changed, and what becomes of it. It passes from the worker that was asked to the primary, which
// makes all changes, and back.
import { z } from 'zod';
import { errorCodes } from '../errors.js';

export const changeSchema = z.discriminatedUnion('what', [
  /** `name`: of the file in the model folder. */
  z.object({ what: z.literal('model'), name: z.string() }),
  z.object({ what: z.literal('delete model'), name: z.string() }),
  z.object({ what: z.literal('image folder'), name: z.string() }),
  z.object({ what: z.literal('model folder'), name: z.string() }),
  /** `sha256` in hex; null: not given. */
  z.object({
    what: z.literal('download'),
    url: z.string(),
    name: z.string(),
    sha256: z.string().nullable(),
  }),
]);
export type Change = Readonly<z.output<typeof changeSchema>>;

export const changeAnswerSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true) }),
  /** `message`: for the client. */
  z.object({ ok: z.literal(false), code: z.enum(errorCodes), message: z.string() }),
]);
export type ChangeAnswer = Readonly<z.output<typeof changeAnswerSchema>>;

/** Makes changes, for everybody. */
export interface Changer {
  /** `by`: who wants it, for the log. Resolves when every worker follows, or nothing was changed. */
  change(change: Change, by: string): Promise<ChangeAnswer>;
}
