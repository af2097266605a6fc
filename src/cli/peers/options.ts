// The options of `pear peers`, and what follows from them.
import { WriteStream } from 'node:tty';
import { z } from 'zod';
import { peerStates, type PeerFilter, type PeerRecord } from '../../connections/record.js';
import { inOrderOf } from '../../connections/sort.js';
import { flag, ipAddress, oneOf, seconds, sortKey, text, wholeNumber } from '../option-values.js';
import { adminOption, connectOption, type Surroundings } from '../tool.js';

/** More than any cluster holds. */
export const rowsMax = 1_000_000;

export const options = z.strictObject({
  watch: flag('live, like top; q ends it'),
  closed: flag('the last connections that closed: when and why'),
  address: ipAddress('only those from this address'),
  host: text('HOST', 'only those of this host'),
  worker: text('WORKER', 'only those of this worker'),
  identity: text('NAME', 'only those of this identity'),
  state: oneOf(peerStates, 'STATE', `only those that are ${peerStates.join(', ')}`),
  sort: sortKey('by any key of the records; -KEY: the greatest first'),
  limit: wholeNumber(1, rowsMax, 'N', 'at most so many; with --closed 100 unless given'),
  interval: seconds(0.1, 3600, 'with --watch, how often; 1 unless given'),
  json: flag('print JSON instead of a table'),
  ...connectOption,
  ...adminOption,
});
export type PeersOptions = z.output<typeof options>;

export function filterOf({ address, host, worker, identity, state }: PeersOptions): PeerFilter {
  const filter = { address, host, worker, identity, state };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

/** How many records must be read: to find the first ones in some order, all, but no more than `most`. */
export function rowsToRead({ sort, limit }: PeersOptions, most: number): number {
  return sort === undefined ? Math.min(limit ?? most, most) : most;
}

/** As many as were asked for, in order. Without a wish: by worker, and there by age. */
export function shownOf(peers: readonly PeerRecord[], { sort, limit }: PeersOptions): PeerRecord[] {
  const order =
    sort === undefined
      ? (a: PeerRecord, b: PeerRecord) => a.worker.localeCompare(b.worker) || a.connected_at - b.connected_at
      : inOrderOf(sort);
  return peers.toSorted(order).slice(0, limit ?? rowsMax);
}

/** A file or a pipe takes lines of any length; a terminal that does not know its size, as a serial one, says 0. */
export function widthOf(out: Surroundings['out']): number {
  return out instanceof WriteStream ? out.columns || 80 : Infinity;
}
