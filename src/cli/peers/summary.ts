// What stands around a list of connections: a line for each worker and host, and how much the list can be trusted.
import type { PeerFilter, PeerRecord } from '../../connections/record.js';
import { fittedTable, type Column } from '../fitted-table.js';
import { plural } from '../times.js';
import type { PeerList } from './read.js';

interface Totals {
  readonly name: string;
  readonly state: string;
  readonly peers: number;
  readonly requests: number;
  readonly images: number;
  readonly errors: number;
  readonly now: number;
  readonly queued: number;
  readonly ageMs: number;
}

const columns: readonly Column<Totals>[] = [
  { title: 'worker', weight: 20, cell: ({ name }) => name },
  { title: 'state', weight: 12, cell: ({ state }) => state },
  { title: 'connections', weight: 19, isNumber: true, cell: ({ peers }) => String(peers) },
  { title: 'requests', weight: 11, isNumber: true, cell: ({ requests }) => String(requests) },
  { title: 'images', weight: 16, isNumber: true, cell: ({ images }) => String(images) },
  { title: 'errors', weight: 10, isNumber: true, cell: ({ errors }) => String(errors) },
  { title: 'now', weight: 15, isNumber: true, cell: ({ now }) => String(now) },
  { title: 'queued', weight: 9, isNumber: true, cell: ({ queued }) => String(queued) },
  { title: 'age', weight: 18, isNumber: true, cell: ({ ageMs }) => `${(ageMs / 1000).toFixed(1)}s` },
];

/** A line a worker, and one a host where it has several; of the listed connections, with what the workers report. */
export function totalsTable({ peers, status }: PeerList, filter: PeerFilter, width: number): string[] {
  const byWorker = new Map<string, PeerRecord[]>();
  for (const peer of peers) {
    const own = byWorker.get(peer.worker);
    if (own === undefined) byWorker.set(peer.worker, [peer]);
    else own.push(peer);
  }
  const rows = status.hosts.flatMap(({ host, workers }): Totals[] => {
    if (filter.host !== undefined && filter.host !== host) return [];
    const own = workers
      .filter(({ worker }) => filter.worker === undefined || filter.worker === worker)
      .map(({ worker, state, queued, age_ms }) => ({
        name: worker,
        state,
        queued,
        ageMs: age_ms,
        ...sums(byWorker.get(worker) ?? []),
      }));
    return own.length > 1 ? [...own, hostTotals(host, own)] : own;
  });
  return rows.length === 0 ? [] : fittedTable(columns, rows, width);
}

function hostTotals(host: string, workers: readonly Totals[]): Totals {
  const sum = (key: 'peers' | 'requests' | 'images' | 'errors' | 'now' | 'queued') =>
    workers.reduce((total, worker) => total + worker[key], 0);
  return {
    name: `${host}, all`,
    state: '',
    peers: sum('peers'),
    requests: sum('requests'),
    images: sum('images'),
    errors: sum('errors'),
    now: sum('now'),
    queued: sum('queued'),
    ageMs: Math.max(...workers.map(({ ageMs }) => ageMs)),
  };
}

function sums(peers: readonly PeerRecord[]) {
  const sum = (key: 'requests' | 'images' | 'errors' | 'in_flight') =>
    peers.reduce((total, peer) => total + peer[key], 0);
  return {
    peers: peers.length,
    requests: sum('requests'),
    images: sum('images'),
    errors: sum('errors'),
    now: sum('in_flight'),
  };
}

/** `12 connections on 2 workers`, of how many hosts where there are several, and how many of them are shown. */
export function countLine({ peers, isCut }: PeerList, shown: number): string {
  const workers = new Set(peers.map(({ worker }) => worker)).size;
  const hosts = new Set(peers.map(({ host }) => host)).size;
  const line = `${plural(peers.length, 'connection')} on ${plural(workers, 'worker')}`;
  const more = isCut ? ' or more' : '';
  return `${line}${hosts > 1 ? ` of ${plural(hosts, 'host')}` : ''}${more}${shown < peers.length ? `; the first ${shown} are shown` : ''}`;
}

/** What whoever reads the list must know: empty where it is whole. */
export function warnings({ unread, isThisHost, isCut, status }: PeerList): string[] {
  return [
    ...unread.map((worker) => `the connections of ${worker} could not be read: they are missing here`),
    // Without Redis there is only this host, and nothing is missing.
    ...(isThisHost && status.store === 'redis'
      ? ['Redis is away: this is the host that was asked, the others are missing here']
      : []),
    ...(isCut ? ['there are more connections; narrow the list with a filter, or give a higher --limit'] : []),
  ];
}
