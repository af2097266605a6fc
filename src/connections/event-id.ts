// Ids of events, as the streams of Redis form them: the millisecond, and a number within it.
import { InvalidMessageError } from '../errors.js';

export interface EventId {
  readonly ms: number;
  readonly number: number;
}

export function eventIdOf({ ms, number }: EventId): string {
  return `${ms}-${number}`;
}

/** Throws InvalidMessageError. */
export function parseEventId(id: string): EventId {
  const [, ms, number] = /^(\d{1,15})-(\d{1,15})$/.exec(id) ?? [];
  if (ms === undefined || number === undefined)
    throw new InvalidMessageError('this is no id of an event, such as 1785369600000-0');
  return { ms: Number(ms), number: Number(number) };
}

/** Whether `a` is the id of a later event than `b`. Throws InvalidMessageError. */
export function isLaterEvent(a: string, b: string): boolean {
  const [left, right] = [parseEventId(a), parseEventId(b)];
  return left.ms > right.ms || (left.ms === right.ms && left.number > right.number);
}
