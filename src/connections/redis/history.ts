// Reads the past in Redis: the stream of closed peers backwards, the stream of events forwards. Both are read by pieces of
// a bounded length.
import { z } from 'zod';
import { decodeCursor, encodeCursor } from '../cursor.js';
import { parseEventId } from '../event-id.js';
import { matches } from '../filter.js';
import { chunkSize, rowsExaminedMax } from '../limits.js';
import { closeReasonSchema, storedEventSchema, type ClosedPeer, type StoredEvent } from '../record.js';
import type { ClosedPage, EventPage, EventQuery, PeerQuery } from '../store.js';
import type { RedisConnection } from './connection.js';
import { inPairs } from './directory.js';
import type { RedisKeys } from './keys.js';
import { fromPeerJson } from './records.js';
import { uint64Schema } from './uint64.js';

/** The id of the last row of the page before. */
const placeSchema = z.strictObject({
  store: z.literal('redis'),
  // Redis calls an interval that ends before 0-0 an error.
  closed: z.string().refine((id) => isStreamId(id) && !/^0+-0+$/.test(id)),
});

const closedRowSchema = z.object({
  id: z.string(),
  reason: closeReasonSchema,
  closed_at: z.coerce.number().int().nonnegative(),
  peer: z.string(),
});

const eventRowSchema = storedEventSchema.extend({
  // Events of older versions do not tell.
  at: z.coerce.number().int().nonnegative(),
  port: z.coerce.number().int().optional(),
  peers: z.coerce.number().int().optional(),
});

type Entry = readonly [id: string, flat: string[]];

/** Least that is read at once where a filter drops rows. */
const filteredReadMin = 100;

/** Rows that are none, such as somebody else's, are left out. */
export async function readClosed(
  connection: RedisConnection,
  keys: RedisKeys,
  { filter, limit, cursor }: PeerQuery,
): Promise<ClosedPage> {
  const closed: ClosedPeer[] = [];
  let from = cursor === null ? '+' : `(${decodeCursor(cursor, placeSchema).closed}`;
  let isEnd = false;
  // One more than fits: there is a next page.
  let isMore = false;
  const least = Object.keys(filter).length > 0 ? filteredReadMin : 1;
  for (let examined = 0; !isMore && !isEnd && examined < rowsExaminedMax;) {
    const count = Math.min(Math.max(limit - closed.length + 1, least), chunkSize);
    const entries: Entry[] = await connection.run((redis) =>
      redis.xrevrange(keys.closed, from, '-', 'COUNT', count),
    );
    isEnd = entries.length < count;
    for (const [id, flat] of entries) {
      const row = toClosed(flat);
      if (row !== null && matches(row.peer, filter)) {
        isMore = closed.length === limit;
        if (isMore) break;
        closed.push(row);
      }
      examined++;
      from = `(${id}`;
    }
  }
  const [oldest]: Entry[] = await connection.run((redis) => redis.xrange(keys.closed, '-', '+', 'COUNT', 1));
  return {
    closed,
    cursor:
      isEnd && !isMore
        ? null
        : encodeCursor({ store: 'redis', closed: from.slice(1) } satisfies z.output<typeof placeSchema>),
    since: oldest === undefined ? null : msOf(oldest[0]),
    scope: 'all hosts',
  };
}

/** Throws InvalidMessageError for an id that is none. */
export async function readEvents(
  connection: RedisConnection,
  keys: RedisKeys,
  { after, limit }: EventQuery,
): Promise<EventPage> {
  if (after !== null) parseEventId(after);
  const entries: Entry[] = await connection.run((redis) =>
    after === null
      ? redis.xrevrange(keys.events, '+', '-', 'COUNT', limit)
      : redis.xrange(keys.events, `(${after}`, '+', 'COUNT', limit),
  );
  if (after === null) entries.reverse();
  return {
    events: entries.flatMap(toEvent),
    last: entries.at(-1)?.[0] ?? after,
    scope: 'all hosts',
  };
}

function isStreamId(id: string): boolean {
  const parts = id.split('-');
  return parts.length === 2 && parts.every((part) => uint64Schema.safeParse(part).success);
}

function toClosed(flat: readonly string[]): ClosedPeer | null {
  const row = closedRowSchema.safeParse(Object.fromEntries(inPairs(flat))).data;
  if (row === undefined) return null;
  const peer = fromPeerJson(row.id, row.peer);
  return peer === null ? null : { peer, reason: row.reason, closed_at: row.closed_at };
}

function toEvent([id, flat]: Entry): StoredEvent[] {
  const event = eventRowSchema.safeParse({ at: msOf(id), ...Object.fromEntries(inPairs(flat)), id }).data;
  return event === undefined ? [] : [event];
}

/** When Redis took an entry, ms since the epoch. */
function msOf(id: string): number {
  return Number(id.slice(0, id.indexOf('-')));
}
