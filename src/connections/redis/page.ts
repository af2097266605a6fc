// One page of the peers in Redis: worker by worker in the order of their ids, HSCAN within a worker.
//
// What a cursor promises: a peer that is there from the first page to the last is in at least one of them,
// and in exactly one while the hash of its worker does not shrink meanwhile (HSCAN may then give it again;
// within a page it stands once). Peers that come or go meanwhile may or may not show. A restart of Redis
// between two pages may repeat or miss some.
import { z } from 'zod';
import { decodeCursor, encodeCursor } from '../cursor.js';
import { hostOf, matches, mayHold } from '../filter.js';
import { chunkSize, rowsExaminedMax } from '../limits.js';
import type { PeerRecord } from '../record.js';
import { isWrongType, type RedisConnection } from './connection.js';
import { inPairs } from './directory.js';
import type { RedisKeys } from './keys.js';
import { fromPeerJson } from './records.js';
import { uint64Schema } from './uint64.js';
import type { PeerPage, PeerQuery } from '../store.js';

/** Least that HSCAN is asked for where a filter drops rows; more would make longer cursors, see `rest`. */
const filteredScanMin = 100;

/** A full page looks so far for one more peer of the same worker, in so many calls of so many rows. */
const lookAheadCallsMax = 10;
const lookAheadRows = 10;

const countReply = z.int();

/** Where a list stands. */
const placeSchema = z.strictObject({
  store: z.literal('redis'),
  worker: z.string(),
  /** HSCAN's own cursor; null: this worker's hash has been scanned to its end. */
  scan: uint64Schema.nullable(),
  /** Of the last batch, what did not fit into the page: what all ids begin with, and their ends. */
  prefix: z.string(),
  rest: z.array(z.string()),
});
type Place = Readonly<z.output<typeof placeSchema>>;

interface Rows {
  readonly rows: readonly (readonly [id: string, json: string | null])[];
  /** Where the list stands once all rows are used. */
  readonly next: Pick<Place, 'scan' | 'rest'>;
}

/**
 * Reads the page. `alive`: the workers whose lease holds, in order, and their ages in ms. `onUnreadable` is told which worker's hash
 * holds values that are no records. Throws InvalidMessageError for a foreign cursor, StoreUnavailableError.
 */
export async function readPage(
  connection: RedisConnection,
  keys: RedisKeys,
  alive: ReadonlyMap<string, number>,
  query: PeerQuery,
  onUnreadable: (workerId: string) => void,
): Promise<PeerPage> {
  const candidates = [...alive.keys()].filter((id) => mayHold(id, query.filter));
  const parts = candidates.map((worker) => ({ worker, ageMs: alive.get(worker) ?? 0 }));
  const { id } = query.filter;
  if (id !== undefined) {
    if (query.cursor !== null) decodeCursor(query.cursor, placeSchema);
    const own = new Map(parts.map(({ worker, ageMs }) => [worker, ageMs]));
    const { peers, unread } = await findPeers(connection, keys, own, [id], onUnreadable);
    const found = peers.filter((peer) => matches(peer, query.filter));
    return { peers: found, cursor: null, unread, parts, scope: 'all hosts' };
  }
  const peers = new Map<string, PeerRecord>();
  const unread: string[] = [];
  let examined = 0;
  let place = firstPlace(candidates, query.cursor);
  let lookAheads = 0;
  while (place !== null && examined < rowsExaminedMax) {
    const isFull = peers.size >= query.limit;
    if (isFull) {
      // Known to be there, or to be looked for by the next page.
      if (place.rest.length > 0 || lookAheads++ === lookAheadCallsMax) break;
      if (isStart(place)) {
        if (!(await holdAny(connection, keys, candidates, place.worker))) place = null;
        break;
      }
    }
    const room = isFull ? lookAheadRows : query.limit - peers.size;
    const read = await readRows(connection, keys, place, room, query);
    if (read === 'unreadable') {
      unread.push(place.worker);
      place = placeAfter(candidates, place.worker);
      continue;
    }
    examined += read.rows.length;
    const left: string[] = [];
    for (const [id, json] of read.rows) {
      // Null: gone since the page before. Seen: HSCAN gave it twice, or it is moving between two workers.
      if (json === null || peers.has(id)) continue;
      const peer = fromPeerJson(id, json);
      if (peer === null) onUnreadable(place.worker);
      else if (!matches(peer, query.filter)) continue;
      else if (peers.size < query.limit) peers.set(id, peer);
      else left.push(id);
    }
    place = settle(candidates, place, read.next, left);
  }
  return {
    peers: [...peers.values()],
    cursor: place === null ? null : encodeCursor(place),
    unread,
    parts,
    scope: 'all hosts',
  };
}

/** Whether any of the workers from this one on has peers. */
async function holdAny(
  connection: RedisConnection,
  keys: RedisKeys,
  workerIds: readonly string[],
  from: string,
): Promise<boolean> {
  try {
    const counts = await connection.runAll((pipeline) => {
      for (const id of workerIds) if (id >= from) pipeline.hlen(keys.peers(id));
    });
    return counts.some((count) => countReply.parse(count) > 0);
  } catch (error) {
    // The next page names who cannot be read.
    if (isWrongType(error)) return true;
    throw error;
  }
}

/** What is there of some peers, and the workers that could not be read. */
export interface Found {
  readonly peers: readonly PeerRecord[];
  readonly unread: readonly string[];
}

/** The peers with these ids that are there: a host's workers are asked for its peers, all at once. */
export async function findPeers(
  connection: RedisConnection,
  keys: RedisKeys,
  alive: ReadonlyMap<string, number>,
  ids: readonly string[],
  onUnreadable: (workerId: string) => void,
): Promise<Found> {
  const asked = [...alive.keys()].flatMap((worker) => {
    const own = ids.filter((id) => id.startsWith(`${hostOf(worker)}/`));
    return own.length === 0 ? [] : [{ worker, ids: own }];
  });
  const found = new Map<string, PeerRecord>();
  const unread: string[] = [];
  const read = async ({ worker, ids: own }: (typeof asked)[number]) => {
    let values: readonly (string | null)[];
    try {
      values = await connection.run((redis) => redis.hmget(keys.peers(worker), ...own), 'wrong type');
    } catch (error) {
      if (!isWrongType(error)) throw error;
      unread.push(worker);
      return;
    }
    own.forEach((id, at) => {
      const json = values[at] ?? null;
      if (json === null) return;
      const peer = fromPeerJson(id, json);
      if (peer === null) onUnreadable(worker);
      else found.set(id, peer);
    });
  };
  await Promise.all(asked.map(read));
  return { peers: [...found.values()], unread };
}

/** The next rows at a place: first what the page before left over, then what HSCAN gives. */
async function readRows(
  connection: RedisConnection,
  keys: RedisKeys,
  place: Place,
  room: number,
  { filter }: PeerQuery,
): Promise<Rows | 'unreadable'> {
  const key = keys.peers(place.worker);
  try {
    if (place.rest.length > 0) {
      const ids = place.rest.slice(0, Math.min(room, chunkSize)).map((end) => place.prefix + end);
      const values = await connection.run((redis) => redis.hmget(key, ...ids), 'wrong type');
      const rows = ids.map((id, index) => [id, values[index] ?? null] as const);
      return { rows, next: { scan: place.scan, rest: place.rest.slice(ids.length) } };
    }
    const least = Object.keys(filter).length > 0 ? filteredScanMin : 1;
    const count = Math.min(Math.max(room, least), chunkSize);
    const [scan, flat] = await connection.run(
      (redis) => redis.hscan(key, place.scan ?? '0', 'COUNT', count),
      'wrong type',
    );
    return { rows: inPairs(flat), next: { scan: scan === '0' ? null : scan, rest: [] } };
  } catch (error) {
    if (isWrongType(error)) return 'unreadable';
    throw error;
  }
}

/**
 * Where the list goes on. A batch comes whole, larger than asked for (a small hash even all at once), so
 * what did not fit goes into the cursor by id: some tens of ids, each only its end.
 */
function settle(
  workerIds: readonly string[],
  place: Place,
  next: Rows['next'],
  left: readonly string[],
): Place | null {
  if (left.length > 0) {
    const prefix = commonPrefix(left);
    return { ...place, ...next, prefix, rest: left.map((id) => id.slice(prefix.length)) };
  }
  if (next.rest.length > 0 || next.scan !== null) return { ...place, ...next };
  return placeAfter(workerIds, place.worker);
}

function firstPlace(workerIds: readonly string[], cursor: string | null): Place | null {
  const [first] = workerIds;
  if (cursor === null) return first === undefined ? null : startOf(first);
  const place = decodeCursor(cursor, placeSchema);
  return workerIds.includes(place.worker) ? place : placeAfter(workerIds, place.worker);
}

function placeAfter(workerIds: readonly string[], workerId: string): Place | null {
  const next = workerIds.find((id) => id > workerId);
  return next === undefined ? null : startOf(next);
}

function startOf(worker: string): Place {
  return { store: 'redis', worker, scan: '0', prefix: '', rest: [] };
}

function isStart({ scan, rest }: Place): boolean {
  return scan === '0' && rest.length === 0;
}

function commonPrefix(ids: readonly string[]): string {
  let prefix = ids[0] ?? '';
  for (const id of ids) while (!id.startsWith(prefix)) prefix = prefix.slice(0, -1);
  return prefix;
}
