// What the view of connections is made of: one schema for each record, the same in Redis, over IPC,
// on the wire, in the admin API and in `pear peers --json`. Keys are an interface: change them with care.
import { z } from 'zod';
import { roles } from '../config/schema.js';

/** A count or a time in milliseconds since the epoch. */
const count = z.number().int().nonnegative();

export const peerStates = ['active', 'draining'] as const;

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
export type CloseReason = (typeof closeReasons)[number];

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
  host: z.string().optional(),
  worker: z.string().optional(),
  address: z.string().optional(),
  identity: z.string().optional(),
  state: z.enum(peerStates).optional(),
});
export type PeerFilter = Readonly<z.output<typeof peerFilterSchema>>;
