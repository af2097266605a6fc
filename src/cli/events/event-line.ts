// An event as one line for people.
import { eventTypes, type StoredEvent } from '../../connections/record.js';
import { printable } from '../fitted-table.js';
import { placeOf } from '../place.js';
import { clock, plural } from '../times.js';

const typeWidth = Math.max(...eventTypes.map(({ length }) => length));

export function eventLine(event: StoredEvent): string {
  const { at, type, host, worker, peer, address, port, reason, by, model, peers } = event;
  const parts = [
    peer ?? worker ?? host,
    ...(address === undefined ? [] : [port === undefined ? address : placeOf({ address, port })]),
    ...(model === undefined ? [] : [model]),
    ...(reason === undefined ? [] : [reason]),
    ...(by === undefined ? [] : [`by ${by}`]),
    ...(peers === undefined ? [] : [plural(peers, 'connection')]),
  ];
  return printable(`${clock(at)}  ${type.padEnd(typeWidth)}  ${parts.join('  ')}`);
}
