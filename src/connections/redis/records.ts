// Records as they lie in Redis: a peer is JSON in a field of its worker's hash, a worker is a hash of plain
// text, readable by redis-cli. What comes back is checked: users may write to these keys too.
import { z } from 'zod';
import { peerRecordSchema, workerRecordSchema, type PeerRecord, type WorkerRecord } from '../record.js';

const number = z.string().min(1).transform(Number);

/** Missing where the worker is of an older version. */
const lateNumber = z.string().nullable().transform(Number);

const workerHashSchema = workerRecordSchema.extend({
  pid: number.pipe(workerRecordSchema.shape.pid),
  started_at: number.pipe(workerRecordSchema.shape.started_at),
  peers: number.pipe(workerRecordSchema.shape.peers),
  queued: number.pipe(workerRecordSchema.shape.queued),
  in_flight: number.pipe(workerRecordSchema.shape.in_flight),
  requests: number.pipe(workerRecordSchema.shape.requests),
  images: number.pipe(workerRecordSchema.shape.images),
  images_per_second: number.pipe(workerRecordSchema.shape.images_per_second),
  helped: lateNumber.pipe(workerRecordSchema.shape.helped.unwrap()),
  errors: lateNumber.pipe(workerRecordSchema.shape.errors.unwrap()),
  bytes_in: lateNumber.pipe(workerRecordSchema.shape.bytes_in.unwrap()),
  bytes_out: lateNumber.pipe(workerRecordSchema.shape.bytes_out.unwrap()),
});

/** How long the worker may be silent, in ms. */
export const leaseField = 'lease_ms';

/** The fields of a worker's hash that make its record; `epoch` and `lease_ms` stand beside them. */
export const workerFields: readonly string[] = Object.keys(workerRecordSchema.shape);

/** Field, value, field, value, … of a worker's hash. */
export function toWorkerHash(worker: WorkerRecord): string[] {
  return Object.entries(worker).flatMap(([field, value]) => [field, String(value)]);
}

/** The record from the values of `workerFields`; null where a field is missing or wrong. */
export function fromWorkerHash(values: readonly (string | null)[]): WorkerRecord | null {
  const fields = workerFields.map((field, index) => [field, values[index]]);
  return workerHashSchema.safeParse(Object.fromEntries(fields)).data ?? null;
}

/** The record of a peer; null where it is no record, or another peer's. */
export function fromPeerJson(id: string, json: string): PeerRecord | null {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  const peer = peerRecordSchema.safeParse(value).data;
  return peer?.id === id ? peer : null;
}
