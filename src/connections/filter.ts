// What a filter means, for a peer and for the worker that may hold it.
import type { PeerFilter, PeerRecord } from './record.js';

/** Whether the peer has every value that the filter names. */
export function matches(peer: PeerRecord, filter: PeerFilter): boolean {
  return (
    (filter.id === undefined || peer.id === filter.id) &&
    (filter.host === undefined || peer.host === filter.host) &&
    (filter.worker === undefined || peer.worker === filter.worker) &&
    (filter.address === undefined || peer.address === filter.address) &&
    (filter.identity === undefined || peer.identity === filter.identity) &&
    (filter.state === undefined || peer.state === filter.state)
  );
}

/**
 * Whether peers of this worker can pass the filter at all: a list skips the others unread. An id tells the host only: a peer may
 * have moved between its workers.
 */
export function mayHold(workerId: string, filter: PeerFilter): boolean {
  return (
    (filter.id === undefined || filter.id.startsWith(`${hostOf(workerId)}/`)) &&
    (filter.host === undefined || hostOf(workerId) === filter.host) &&
    (filter.worker === undefined || workerId === filter.worker)
  );
}

/** The host of a worker's id, `<hostId>:<slot>:<bootNonce>`; a host's id has no colon. */
export function hostOf(workerId: string): string {
  const colon = workerId.indexOf(':');
  return colon === -1 ? workerId : workerId.slice(0, colon);
}
