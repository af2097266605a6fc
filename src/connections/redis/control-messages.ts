// What primaries send each other through Redis. Anybody with access to Redis may write there, so all of it is checked.
import { z } from 'zod';
import { kickAnswerSchema, kickIdsMax } from '../kick.js';
import { kickerNameSchema } from '../record.js';

/** Characters of an id; JavaScript counts some twice. */
const idLengthMax = 512;

/** On the channel of a host. */
export const controlMessageSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('kick'),
    /** The answer goes to the list `reply:<request>`. */
    request: z.uuid(),
    ids: z.array(z.string().min(1).max(idLengthMax)).min(1).max(kickIdsMax).readonly(),
    by: kickerNameSchema,
    /** Milliseconds since the epoch by Redis's own clock, the only one that hosts share: later nobody waits any more. */
    until: z.number(),
  }),
  /** A host to itself: does the channel still carry? */
  z.object({
    type: z.literal('ping'),
    token: z.string(),
    /** The primary that sends it; those of older versions do not say. */
    from: z.string().optional(),
  }),
]);
export type ControlMessage = Readonly<z.output<typeof controlMessageSchema>>;

/** In the list of a request. */
export const controlReplySchema = z.object({
  host: z.string(),
  answers: z.array(kickAnswerSchema).max(kickIdsMax).readonly(),
});
export type ControlReply = Readonly<z.output<typeof controlReplySchema>>;

export type ReadMessage<T> =
  | { readonly ok: true; readonly message: T }
  /** `problem`: the first of what is wrong, for the log. */
  | { readonly ok: false; readonly problem: string };

/** Checks a text that anybody may have written. */
export function readMessage<T>(schema: z.ZodType<T>, text: string): ReadMessage<T> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { ok: false, problem: 'it is not JSON' };
  }
  const read = schema.safeParse(json);
  if (read.success) return { ok: true, message: read.data };
  const [first] = read.error.issues;
  return { ok: false, problem: `${first?.path.join('.') ?? ''}: ${first?.message ?? 'wrong'}` };
}
