// How every worker of every host is doing, and each host as a whole.
import type { ConnectionsReader } from '../../connections/store.js';
import { json } from '../answer.js';
import type { Route } from '../route.js';
import { joinedRead } from '../joined-read.js';
import { totalsByHost } from '../totals.js';

/** How many workers of this host serve, how many should, and whether they are being ended. */
export interface WorkersState {
  readonly serving: number;
  readonly wanted: number;
  readonly stopping: boolean;
}

export function statusRoute(view: ConnectionsReader, hostId: string, workers: () => WorkersState): Route {
  return {
    path: '/api/status',
    method: 'GET',
    role: 'viewer',
    answer: joinedRead(async () => {
      const { serving, wanted } = workers();
      const { workers: known, unread, scope } = await view.workers();
      return json(200, {
        host: hostId,
        workers_serving: serving,
        workers_wanted: wanted,
        hosts: totalsByHost(known),
        workers: known.map(({ record, ageMs }) => ({ ...record, age_ms: Math.round(ageMs) })),
        unread,
        scope,
      });
    }),
  };
}
