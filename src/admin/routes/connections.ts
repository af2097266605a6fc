// The connections that are there: page by page, sorted, or one by its id.
import { z } from 'zod';
import { hostOfPeer, matches } from '../../connections/filter.js';
import { peerFilterSchema, type PeerFilter, type PeerRecord } from '../../connections/record.js';
import { inOrderOf, parseSort } from '../../connections/sort.js';
import type { ConnectionsReader, PeerPage } from '../../connections/store.js';
import { InvalidMessageError } from '../../errors.js';
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
        throw new HttpError(
          404,
          `there is no connection ${id}; /api/connections lists those there are, /api/closed the last that closed`,
        );
      },
    },
  ];
}

async function list(view: ConnectionsReader, query: URLSearchParams): Promise<Answer> {
  const { id, limit, cursor, sort, ...filter } = readQuery(query, querySchema);
  if (cursor !== null && (sort !== undefined || id !== undefined)) {
    throw new InvalidMessageError('cursor goes with neither sort nor id, whose lists have one page only');
  }
  if (id !== undefined) return json(200, await one(view, id, filter));
  if (sort !== undefined) return json(200, await sorted(view, filter, sort, limit));
  return json(200, bodyOf(await view.list({ filter, limit, cursor })));
}

/** A page of one record or none. How old it is, and how far the view reaches, is told of its whole host. */
async function one(view: ConnectionsReader, id: string, filter: PeerFilter) {
  const [peer] = await view.find([id]);
  const page = await view.list({ filter: { host: hostOfPeer(id) }, limit: 1, cursor: null });
  const peers = peer !== undefined && matches(peer, filter) ? [peer] : [];
  return { ...bodyOf({ ...page, peers }), cursor: null };
}

async function sorted(view: ConnectionsReader, filter: PeerFilter, sort: string, limit: number) {
  const order = inOrderOf(parseSort(sort));
  const found = new Map<string, PeerRecord>();
  const unread = new Set<string>();
  let page: PeerPage;
  let cursor: string | null = null;
  do {
    page = await view.list({ filter, limit: pageSize, cursor });
    for (const peer of page.peers) found.set(peer.id, peer);
    for (const worker of page.unread) unread.add(worker);
    cursor = page.cursor;
  } while (cursor !== null && found.size < sortedRowsMax);
  const peers = [...found.values()].sort(order).slice(0, limit);
  return {
    ...bodyOf({ ...page, peers, cursor: null, unread: [...unread] }),
    rows_sorted: found.size,
    all_sorted: cursor === null,
    truncated: cursor !== null || peers.length < found.size,
  };
}

function bodyOf({ peers, cursor, unread, parts, scope }: PeerPage) {
  const workers = parts.map(({ worker, ageMs }) => ({ worker, age_ms: Math.round(ageMs) }));
  return { peers, cursor, unread, workers, scope };
}
