// What a worker asks of the view in the primary's memory, and what it is answered. The cluster's IPC carries
// these inside its own messages and checks them by these schemas.
import { z } from 'zod';
import { closeReasons, peerFilterSchema, peerRecordSchema, workerRecordSchema } from './record.js';

const peers = z.array(peerRecordSchema).readonly();

const changes = z.object({
  changed: peers,
  closed: z
    .array(
      z.object({
        peer: peerRecordSchema,
        reason: z.enum(closeReasons),
        closed_at: z.number().int().nonnegative(),
      }),
    )
    .readonly(),
});

const query = z.object({
  filter: peerFilterSchema,
  limit: z.number().int().min(1),
  cursor: z.string().nullable(),
});

const page = z.object({ peers, cursor: z.string().nullable(), unread: z.array(z.string()).readonly() });

const workerView = z.object({ record: workerRecordSchema, ageMs: z.number().nonnegative() });

/** One for each method of ConnectionStore. */
export const viewRequestSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('open'), worker: workerRecordSchema }),
  z.object({ type: z.literal('flush'), changes }),
  z.object({
    type: z.literal('heartbeat'),
    worker: workerRecordSchema,
    peerCount: z.number().int().nonnegative(),
  }),
  z.object({ type: z.literal('resync'), worker: workerRecordSchema, peers }),
  z.object({ type: z.literal('list'), query }),
  z.object({ type: z.literal('workers') }),
  z.object({ type: z.literal('close') }),
]);
export type ViewRequest = Readonly<z.output<typeof viewRequestSchema>>;

export const viewReplySchema = z.discriminatedUnion('type', [
  /** To open, flush, resync and close. */
  z.object({ type: z.literal('done') }),
  z.object({ type: z.literal('heartbeat'), answer: z.enum(['ok', 'resync']) }),
  z.object({ type: z.literal('page'), page }),
  z.object({ type: z.literal('workers'), workers: z.array(workerView).readonly() }),
  /** The request is wrong, and this may be told to the client: InvalidMessageError. */
  z.object({ type: z.literal('invalid'), message: z.string() }),
]);
export type ViewReply = Readonly<z.output<typeof viewReplySchema>>;
