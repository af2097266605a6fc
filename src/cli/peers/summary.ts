// What stands around a list of connections: a line for each worker and host, and how much the list can be trusted.
import type { PeerFilter, PeerRecord } from '../../connections/record.js';
import { cut, fittedTable, printable, type Column } from '../fitted-table.js';
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

/** Below that, the titles, one total and how many more there are would find no place. */
const linesMin = 3;

/**
 * A line a worker, and one a host where it has several; of the listed connections, with what the workers report.
 * What exceeds `linesMax` is left out and counted, hosts last.
 */
export function totalsTable(
  list: PeerList,
  filter: PeerFilter,
  width: number,
  linesMax = Infinity,
): string[] {
  const hosts = totalsOf(list, filter);
  const rows = hosts.flatMap(({ workers, all }) => [...workers, ...all]);
  if (rows.length === 0) return [];
  const room = Math.max(linesMin, linesMax);
  if (rows.length + 1 <= room) return fittedTable(columns, rows, width);
  // The line of a host with one worker is that of its worker.
  const first = hosts.flatMap(({ workers, all }) => (all.length > 0 ? all : workers));
  const then = hosts.flatMap(({ workers, all }) => (all.length > 0 ? workers : []));
  const shown = [...first, ...then].slice(0, room - 2);
  const hidden = [
    [first.length - Math.min(first.length, shown.length), 'more host'] as const,
    [then.length - Math.max(0, shown.length - first.length), 'more worker'] as const,
  ].filter(([count]) => count > 0);
  const more = `… ${hidden.map(([count, noun]) => plural(count, noun)).join(' and ')}`;
  return [...fittedTable(columns, shown, width), cut(more, width)];
}

interface HostTotals {
  readonly workers: readonly Totals[];
  /** Empty where it has one worker only. */
  readonly all: readonly Totals[];
}

function totalsOf({ peers, unread, isCut, status }: PeerList, filter: PeerFilter): HostTotals[] {
  const byWorker = new Map<string, PeerRecord[]>();
  for (const peer of peers) {
    const own = byWorker.get(peer.worker);
    if (own === undefined) byWorker.set(peer.worker, [peer]);
    else own.push(peer);
  }
  const areAllMeant = Object.entries(filter).every(
    ([key, value]) => value === undefined || key === 'host' || key === 'worker',
  );
  // What a worker said of itself is older than its rows; where those are not all here it knows better how many there are.
  const saysItself = (worker: string) => areAllMeant && (isCut || unread.includes(worker));
  return status.hosts.flatMap(({ host, workers }): HostTotals[] => {
    if (filter.host !== undefined && filter.host !== host) return [];
    const own = workers
      .filter(({ worker }) => filter.worker === undefined || filter.worker === worker)
      .map(({ worker, state, queued, age_ms, peers: reported }): Totals => ({
        name: worker,
        state,
        queued,
        ageMs: age_ms,
        ...sums(byWorker.get(worker) ?? []),
        ...(saysItself(worker) ? { peers: reported } : {}),
      }));
    return own.length === 0 ? [] : [{ workers: own, all: own.length > 1 ? [hostTotals(host, own)] : [] }];
  });
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
    ...unread.map(
      (worker) => `the connections of ${printable(worker)} cannot be read now: they are missing here, or old`,
    ),
    // Without Redis there is only this host, and nothing is missing.
    ...(isThisHost && status.store === 'redis'
      ? ['Redis is away: this is the host that was asked, the others are missing here']
      : []),
    ...(isCut ? ['there are more connections; narrow the list with a filter, or give a higher --limit'] : []),
  ];
}
