// Orders of lists: by any key of a record, up or down. The admin API and `pear peers` share them.
import { nearestKey } from '../config/nearest-key.js';
import { InvalidMessageError } from '../errors.js';
import { peerRecordSchema, type PeerRecord } from './record.js';

const keySchema = peerRecordSchema.keyof();

export interface PeerSort {
  readonly key: keyof PeerRecord;
  readonly isDescending: boolean;
}

/** `requests`, or `-requests` for the most first. Throws InvalidMessageError that names the nearest key. */
export function parseSort(text: string): PeerSort {
  const isDescending = text.startsWith('-');
  const name = isDescending ? text.slice(1) : text;
  const key = keySchema.safeParse(name);
  if (key.success) return { key: key.data, isDescending };
  const meant = nearestKey(name, keySchema.options);
  throw new InvalidMessageError(
    `there is no key ${name} to sort by; ` +
      (meant === undefined ? `known are ${keySchema.options.join(', ')}` : `did you mean ${meant}?`),
  );
}

/** For `sort`. What is not known (null) comes last in both directions; equal ones stand in the order of ids. */
export function inOrderOf({ key, isDescending }: PeerSort): (a: PeerRecord, b: PeerRecord) => number {
  const sign = isDescending ? -1 : 1;
  return (a, b) => {
    const [x, y] = [a[key], b[key]];
    if (x === y) return a.id < b.id ? -1 : 1;
    if (x === null) return 1;
    if (y === null) return -1;
    return x < y ? -sign : sign;
  };
}
