// The columns of the tables of connections: of those that are there, and of those that have closed.
import type { ClosedPeer, PeerRecord } from '../../connections/record.js';
import type { Column } from '../fitted-table.js';
import { placeOf } from '../place.js';
import { bytes, clock, duration } from '../times.js';

/** Ages are told by the clock of this machine, at the time of `now`. */
export function peerColumns(now: number): Column<PeerRecord>[] {
  return [
    { title: 'peer', weight: 20, cell: ({ id }) => id },
    { title: 'worker', weight: 5, cell: ({ worker }) => worker },
    { title: 'address', weight: 19, cell: placeOf },
    { title: 'tls', weight: 1, cell: ({ tls }) => (tls ? 'yes' : '') },
    { title: 'identity', weight: 8, cell: ({ identity }) => identity ?? '' },
    { title: 'role', weight: 4, cell: ({ role }) => role },
    { title: 'state', weight: 14, cell: ({ state }) => state },
    { title: 'for', weight: 11, isNumber: true, cell: ({ connected_at }) => duration(now - connected_at) },
    {
      title: 'idle',
      weight: 18,
      isNumber: true,
      cell: ({ last_activity_at }) => duration(now - last_activity_at),
    },
    { title: 'requests', weight: 10, isNumber: true, cell: ({ requests }) => String(requests) },
    { title: 'images', weight: 17, isNumber: true, cell: ({ images }) => String(images) },
    { title: 'errors', weight: 15, isNumber: true, cell: ({ errors }) => String(errors) },
    { title: 'now', weight: 16, isNumber: true, cell: ({ in_flight }) => String(in_flight) },
    { title: 'ms', weight: 9, isNumber: true, cell: ({ last_latency_ms }) => numberOf(last_latency_ms, 1) },
    { title: 'last', weight: 7, isNumber: true, cell: ({ last_result }) => numberOf(last_result, 0) },
    { title: 'in', weight: 3, isNumber: true, cell: ({ bytes_in }) => bytes(bytes_in) },
    { title: 'out', weight: 2, isNumber: true, cell: ({ bytes_out }) => bytes(bytes_out) },
  ];
}

export const closedColumns: readonly Column<ClosedPeer>[] = [
  { title: 'closed', weight: 20, cell: ({ closed_at }) => clock(closed_at) },
  { title: 'why', weight: 19, cell: ({ reason }) => reason },
  { title: 'peer', weight: 18, cell: ({ peer }) => peer.id },
  { title: 'address', weight: 17, cell: ({ peer }) => placeOf(peer) },
  { title: 'identity', weight: 6, cell: ({ peer }) => peer.identity ?? '' },
  {
    title: 'for',
    weight: 10,
    isNumber: true,
    cell: ({ peer, closed_at }) => duration(closed_at - peer.connected_at),
  },
  { title: 'requests', weight: 7, isNumber: true, cell: ({ peer }) => String(peer.requests) },
  { title: 'images', weight: 9, isNumber: true, cell: ({ peer }) => String(peer.images) },
  { title: 'errors', weight: 8, isNumber: true, cell: ({ peer }) => String(peer.errors) },
];

function numberOf(value: number | null, digits: number): string {
  return value === null ? '-' : value.toFixed(digits);
}
