// What a worker asks of the view in the primary's memory, and what it is answered. The cluster's IPC carries
// these inside its own messages and checks them by these schemas.
import { z } from 'zod';
import {
  closedPeerSchema,
  peerFilterSchema,
  peerRecordSchema,
  storedEventSchema,
  viewEventSchema,
  workerRecordSchema,
} from './record.js';
import { scopes } from './store.js';

const peers = z.array(peerRecordSchema).readonly();
const scope = z.enum(scopes);

const changes = z.object({
  changed: peers,
  closed: z.array(closedPeerSchema).readonly(),
  events: z.array(viewEventSchema).readonly(),
});

const query = z.object({
  filter: peerFilterSchema,
  limit: z.number().int().min(1),
  cursor: z.string().nullable(),
});

const eventQuery = z.object({ after: z.string().nullable(), limit: z.number().int().min(1) });

const ageMs = z.number().nonnegative();

const page = z.object({
  peers,
  cursor: z.string().nullable(),
  unread: z.array(z.string()).readonly(),
  parts: z.array(z.object({ worker: z.string(), ageMs })).readonly(),
  scope,
});

const workersPage = z.object({
  workers: z.array(z.object({ record: workerRecordSchema, ageMs })).readonly(),
  unread: z.array(z.string()).readonly(),
  scope,
});

const closedPage = z.object({
  closed: z.array(closedPeerSchema).readonly(),
  cursor: z.string().nullable(),
  since: z.number().nullable(),
  scope,
});

const eventPage = z.object({
  events: z.array(storedEventSchema).readonly(),
  last: z.string().nullable(),
  scope,
});

/** One for each method of EmbeddedStore. */
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
  z.object({ type: z.literal('find'), ids: z.array(z.string()).readonly() }),
  z.object({ type: z.literal('closed'), query }),
  z.object({ type: z.literal('events'), query: eventQuery }),
  z.object({ type: z.literal('workers') }),
  /** Which workers of this host ought to be in the view, and which the memory has. */
  z.object({ type: z.literal('serving') }),
  z.object({ type: z.literal('close') }),
  /** Reports elsewhere from now on: nothing has happened to it or its peers. */
  z.object({ type: z.literal('leave') }),
]);
export type ViewRequest = Readonly<z.output<typeof viewRequestSchema>>;

export const viewReplySchema = z.discriminatedUnion('type', [
  /** To open, flush, resync, close and leave. */
  z.object({ type: z.literal('done') }),
  z.object({ type: z.literal('heartbeat'), answer: z.enum(['ok', 'resync']) }),
  z.object({ type: z.literal('page'), page }),
  z.object({ type: z.literal('found'), peers }),
  z.object({ type: z.literal('closed'), page: closedPage }),
  z.object({ type: z.literal('events'), page: eventPage }),
  z.object({ type: z.literal('workers'), page: workersPage }),
  z.object({
    type: z.literal('serving'),
    workers: z.array(z.string()).readonly(),
    here: z.array(z.string()).readonly(),
  }),
  /** The request is wrong, and this may be told to the client: InvalidMessageError. */
  z.object({ type: z.literal('invalid'), message: z.string() }),
]);
export type ViewReply = Readonly<z.output<typeof viewReplySchema>>;
