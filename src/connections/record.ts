// What the view of connections is made of: one schema for each record, the same in Redis, over IPC,
// on the wire, in the admin API and in `pear peers --json`. Keys are an interface: change them with care.
import { z } from 'zod';
import { roles } from '../config/schema.js';

/** A count or a time in milliseconds since the epoch. */
const count = z.number().int().nonnegative();

/** `opened`: it has sent no request yet. What has closed stands in the history. */
export const peerStates = ['opened', 'active', 'draining'] as const;
export type PeerState = (typeof peerStates)[number];

export const peerRecordSchema = z.object({
  /** `<hostId>/<slot>.<bootNonce>.<sequence>`; never changes while the peer lives. */
  id: z.string(),
  host: z.string(),
  /** `<hostId>:<slot>:<bootNonce>` of the worker that owns the connection now. */
  worker: z.string(),
  address: z.string(),
  port: count,
  tls: z.boolean(),
  identity: z.string().nullable(),
  role: z.enum(roles),
  state: z.enum(peerStates),
  connected_at: count,
  last_activity_at: count,
  requests: count,
  images: count,
  errors: count,
  in_flight: count,
  bytes_in: count,
  bytes_out: count,
  last_latency_ms: z.number().nonnegative().nullable(),
  /** Class index of the latest verdict, -1 for no pear, null before the first. */
  last_result: z.number().int().nullable(),
});
export type PeerRecord = Readonly<z.output<typeof peerRecordSchema>>;

export const closeReasons = [
  'client',
  'reset',
  'idle',
  'protocol',
  'busy',
  'slow reader',
  'drain',
  'worker died',
  'host lost',
] as const;

export const kickerNameLengthMax = 256;

/** Who disconnects somebody: an identity, or an address. */
export const kickerNameSchema = z.string().min(1).max(kickerNameLengthMax);

const kicked = z.templateLiteral(['kicked by ', kickerNameSchema]);

export const closeReasonSchema = z.union([z.enum(closeReasons), kicked]);
export type CloseReason = z.output<typeof closeReasonSchema>;

/** A peer that has gone: its last record, why and when (ms since the epoch). */
export const closedPeerSchema = z.object({
  peer: peerRecordSchema,
  reason: closeReasonSchema,
  closed_at: count,
});
export type ClosedPeer = Readonly<z.output<typeof closedPeerSchema>>;

export const eventTypes = [
  'opened',
  'active',
  'draining',
  'kicked',
  'closed',
  'worker up',
  'worker down',
  'model changed',
  'host lost',
] as const;

/** What has happened, to a peer, a worker or a host. */
export const viewEventSchema = z.object({
  type: z.enum(eventTypes),
  /** By the clock of the host that tells it. */
  at: count,
  host: z.string(),
  /** Of peers and workers. */
  worker: z.string().optional(),
  /** The id, of peers. */
  peer: z.string().optional(),
  address: z.string().optional(),
  port: count.optional(),
  /** Why it closed, or is down. */
  reason: z.string().optional(),
  /** Who has kicked it. */
  by: z.string().optional(),
  /** By which a worker judges from now on. */
  model: z.string().optional(),
  /** How many went down with a worker or a host. */
  peers: count.optional(),
});
export type ViewEvent = Readonly<z.output<typeof viewEventSchema>>;

/** `id`: `<ms>-<number>`; later events have higher ones. */
export const storedEventSchema = viewEventSchema.extend({ id: z.string() });
export type StoredEvent = Readonly<z.output<typeof storedEventSchema>>;

export const workerRecordSchema = z.object({
  worker: z.string(),
  host: z.string(),
  pid: count,
  state: z.enum(['starting', 'serving', 'draining']),
  started_at: count,
  version: z.string(),
  model: z.string(),
  peers: count,
  queued: count,
  in_flight: count,
  requests: count,
  images: count,
  images_per_second: z.number().nonnegative(),
  /** Images judged for other workers; they count there as images. Workers of older versions do not tell. */
  helped: count.default(0),
  /** Of all its connections, also those that have gone, as `requests` and `images`; older versions do not tell. */
  errors: count.default(0),
  bytes_in: count.default(0),
  bytes_out: count.default(0),
});
export type WorkerRecord = Readonly<z.output<typeof workerRecordSchema>>;

/** A worker as the view knows it: its record and how old that is. */
export interface WorkerView {
  readonly record: WorkerRecord;
  /** Milliseconds since its last heartbeat, by the store's own clock. */
  readonly ageMs: number;
}

/** What a list may be narrowed by; all given keys must match exactly. */
export const peerFilterSchema = z.strictObject({
  id: z.string().optional(),
  host: z.string().optional(),
  worker: z.string().optional(),
  address: z.string().optional(),
  identity: z.string().optional(),
  state: z.enum(peerStates).optional(),
});
export type PeerFilter = Readonly<z.output<typeof peerFilterSchema>>;
