// Ids of events, as the streams of Redis form them: the millisecond, and a number within it. Both have 64 bits, more than
// a number of JavaScript holds: somebody may have put any of them into the stream.
import { InvalidMessageError } from '../errors.js';

export interface EventId {
  readonly ms: bigint;
  readonly number: bigint;
}

/** Of either part. */
const partMax = 2n ** 64n - 1n;

export function eventIdOf({ ms, number }: { readonly ms: number; readonly number: number }): string {
  return `${ms}-${number}`;
}

/** Throws InvalidMessageError. */
export function parseEventId(id: string): EventId {
  const [, left, right] = /^(\d{1,20})-(\d{1,20})$/.exec(id) ?? [];
  if (left !== undefined && right !== undefined) {
    const parsed = { ms: BigInt(left), number: BigInt(right) };
    if (parsed.ms <= partMax && parsed.number <= partMax) return parsed;
  }
  throw new InvalidMessageError('this is no id of an event, such as 1785369600000-0');
}

/** Whether `a` is the id of a later event than `b`. Throws InvalidMessageError. */
export function isLaterEvent(a: string, b: string): boolean {
  return isLaterId(parseEventId(a), parseEventId(b));
}

export function isLaterId(a: EventId, b: EventId): boolean {
  return a.ms > b.ms || (a.ms === b.ms && a.number > b.number);
}
