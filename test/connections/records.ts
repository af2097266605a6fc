// Records for tests, and a page-by-page reading of a whole list.
import type {
  ClosedPeer,
  CloseReason,
  PeerFilter,
  PeerRecord,
  ViewEvent,
  WorkerRecord,
} from '#src/connections/record.js';
import type { ConnectionStore } from '#src/connections/store.js';

export function workerRecord(worker: string, changes: Partial<WorkerRecord> = {}): WorkerRecord {
  return {
    worker,
    host: worker.split(':')[0] ?? '',
    pid: 4711,
    state: 'serving',
    started_at: 1_700_000_000_000,
    version: '0.1.0',
    model: 'pear-starter',
    peers: 0,
    queued: 0,
    in_flight: 0,
    requests: 0,
    images: 0,
    images_per_second: 0.5,
    helped: 0,
    errors: 0,
    bytes_in: 0,
    bytes_out: 0,
    ...changes,
  };
}

/** Peer number `n` of a worker, as ids are given: `<hostId>/<slot>.<bootNonce>.<sequence>`. */
export function peerRecord(worker: string, n: number, changes: Partial<PeerRecord> = {}): PeerRecord {
  const [host = '', slot = '', nonce = ''] = worker.split(':');
  return {
    id: `${host}/${slot}.${nonce}.${n}`,
    host,
    worker,
    address: `192.0.2.${n % 7}`,
    port: 40_000 + (n % 20_000),
    tls: false,
    identity: n % 3 === 0 ? null : `camera-${n % 3}`,
    role: 'operator',
    state: 'active',
    connected_at: 1_700_000_000_000 + n,
    last_activity_at: 1_700_000_000_000 + n,
    requests: 0,
    images: 0,
    errors: 0,
    in_flight: 0,
    bytes_in: 0,
    bytes_out: 0,
    last_latency_ms: null,
    last_result: null,
    ...changes,
  };
}

export function peerRecords(worker: string, count: number): PeerRecord[] {
  return Array.from({ length: count }, (_, n) => peerRecord(worker, n + 1));
}

export function closedPeer(peer: PeerRecord, reason: CloseReason = 'client'): ClosedPeer {
  return { peer, reason, closed_at: 1_700_000_009_000 };
}

/** As a worker tells it of its peer. */
export function peerEvent(
  { host, worker, id, address, port, connected_at }: PeerRecord,
  event: Pick<ViewEvent, 'type' | 'reason' | 'by'>,
): ViewEvent {
  return { ...event, at: connected_at, host, worker, peer: id, address, port };
}

/** All pages, one after the other; every page keeps the limit. */
export async function listAll(
  store: ConnectionStore,
  { filter = {}, limit = 100 }: { filter?: PeerFilter; limit?: number } = {},
): Promise<PeerRecord[]> {
  const peers: PeerRecord[] = [];
  let cursor: string | null = null;
  do {
    const page = await store.list({ filter, limit, cursor });
    if (page.peers.length > limit) throw new Error(`a page of ${page.peers.length} with a limit of ${limit}`);
    if (page.unread.length > 0) throw new Error(`unread: ${page.unread.join()}`);
    peers.push(...page.peers);
    cursor = page.cursor;
  } while (cursor !== null);
  return peers;
}

/** Stores give peers in orders of their own; tests compare them in the order of ids. */
export function byId(peers: readonly PeerRecord[]): PeerRecord[] {
  return peers.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}
