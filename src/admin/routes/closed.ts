// The last connections that closed: when and why.
import { z } from 'zod';
import { peerFilterSchema } from '../../connections/record.js';
import type { ConnectionsReader } from '../../connections/store.js';
import { json } from '../answer.js';
import { readQuery } from '../query.js';
import type { Route } from '../route.js';

const querySchema = peerFilterSchema.extend({
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
  cursor: z.string().nullable().default(null),
});

export function closedRoute(view: ConnectionsReader): Route {
  return {
    path: '/api/closed',
    method: 'GET',
    role: 'admin',
    answer: async ({ query }) => {
      const { limit, cursor, ...filter } = readQuery(query, querySchema);
      return json(200, await view.closed({ filter, limit, cursor }));
    },
  };
}
