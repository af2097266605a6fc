// The connections that are there: page by page, sorted, or one by its id.
import { z } from 'zod';
import { peerFilterSchema, type PeerFilter, type PeerRecord } from '../../connections/record.js';
import { mayHold } from '../../connections/filter.js';
import { inOrderOf, parseSort } from '../../connections/sort.js';
import type { ConnectionsReader, PeerPage } from '../../connections/store.js';
import { InvalidMessageError } from '../../errors.js';
import { shownText } from '../../shown-text.js';
import { HttpError, json, type Answer } from '../answer.js';
import { readQuery } from '../query.js';
import type { Route } from '../route.js';

/** A sorted list is read whole, up to so many rows. */
const sortedRowsMax = 20_000;
const pageSize = 1_000;
const idLengthMax = 256;

const querySchema = peerFilterSchema.extend({
  id: z.string().min(1).max(idLengthMax).optional(),
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
  cursor: z.string().nullable().default(null),
  sort: z.string().optional(),
});

export function connectionRoutes(view: ConnectionsReader): Route[] {
  return [
    {
      path: '/api/connections',
      method: 'GET',
      role: 'admin',
      answer: ({ query }) => list(view, query),
    },
    {
      path: '/api/connections/',
      method: 'GET',
      role: 'admin',
      answer: async ({ rest: id }) => {
        const [peer] = await view.find([id]);
        if (peer !== undefined) return json(200, peer);
        const { unread } = await view.workers();
        const holder = unread.find((worker) => mayHold(worker, { id }));
        if (holder !== undefined)
          throw new HttpError(503, `it may be one of worker ${holder}, which cannot be read now; ask again`, {
            'retry-after': '5',
          });
        throw new HttpError(
          404,
          `there is no connection ${shownText(id)}; /api/connections lists those there are, /api/closed the last that closed`,
        );
      },
    },
  ];
}

async function list(view: ConnectionsReader, query: URLSearchParams): Promise<Answer> {
  const { limit, cursor, sort, ...filter } = readQuery(query, querySchema);
  if (cursor !== null && (sort !== undefined || filter.id !== undefined)) {
    throw new InvalidMessageError('cursor goes with neither sort nor id, whose lists have one page only');
  }
  if (sort !== undefined) return json(200, await sorted(view, filter, sort, limit));
  return json(200, bodyOf(await view.list({ filter, limit, cursor })));
}

interface Rows {
  readonly found: ReadonlyMap<string, PeerRecord>;
  readonly unread: ReadonlySet<string>;
  /** The last one that was read. */
  readonly page: PeerPage;
}

async function sorted(view: ConnectionsReader, filter: PeerFilter, sort: string, limit: number) {
  const order = inOrderOf(parseSort(sort));
  const { found, unread, page } = await readRows(view, filter);
  const peers = [...found.values()].sort(order).slice(0, limit);
  return {
    ...bodyOf({ ...page, peers, cursor: null, unread: [...unread] }),
    rows_sorted: found.size,
    all_sorted: page.cursor === null,
    truncated: page.cursor !== null || peers.length < found.size,
  };
}

/** As many pages as are sorted, anew where the view has changed between two: its cursors are good no more. */
async function readRows(view: ConnectionsReader, filter: PeerFilter, mayBeginAnew = true): Promise<Rows> {
  const found = new Map<string, PeerRecord>();
  const unread = new Set<string>();
  let page: PeerPage;
  let cursor: string | null = null;
  do {
    try {
      page = await view.list({ filter, limit: pageSize, cursor });
    } catch (error) {
      if (cursor === null || !mayBeginAnew || !(error instanceof InvalidMessageError)) throw error;
      return readRows(view, filter, false);
    }
    for (const peer of page.peers) found.set(peer.id, peer);
    for (const worker of page.unread) unread.add(worker);
    cursor = page.cursor;
  } while (cursor !== null && found.size < sortedRowsMax);
  return { found, unread, page };
}

function bodyOf({ peers, cursor, unread, parts, scope }: PeerPage) {
  const workers = parts.map(({ worker, ageMs }) => ({ worker, age_ms: Math.round(ageMs) }));
  return { peers, cursor, unread, workers, scope };
}
