// For probes and Prometheus: whether the server lives, whether it serves, its figures.
import type { ConnectionsReader } from '../../connections/store.js';
import { text } from '../answer.js';
import { prometheusText } from '../metrics.js';
import type { Route } from '../route.js';
import { joinedRead } from '../joined-read.js';
import type { WorkersState } from './status.js';

export function healthRoutes(view: ConnectionsReader, hostId: string, workers: () => WorkersState): Route[] {
  return [
    { path: '/livez', method: 'GET', role: null, answer: () => text(200, 'ok\n') },
    {
      path: '/readyz',
      method: 'GET',
      role: null,
      answer: () => {
        const { serving, wanted, stopping } = workers();
        if (stopping) return text(503, 'the server is stopping\n');
        return text(serving > 0 ? 200 : 503, `${serving} of ${wanted} workers serve\n`);
      },
    },
    {
      path: '/metrics',
      method: 'GET',
      role: 'viewer',
      answer: joinedRead(async () => {
        const { workers: known } = await view.workers();
        const own = known.filter(({ record }) => record.host === hostId);
        return {
          ...text(200, prometheusText(own)),
          type: 'text/plain; version=0.0.4; charset=utf-8',
        } as const;
      }),
    },
  ];
}
