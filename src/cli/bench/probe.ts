// How long a trivial command takes while every core infers: 0x32 over connections that do nothing else, one to each
// worker, asked from this process and not from the one that makes the load.
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { PearClient } from '../../client/pear-client.js';
import type { LocalServer } from '../local-server.js';
import { capacityOf } from './latency.js';
import { runServer } from './server-run.js';
import { latenciesOf, type Latencies } from './statistics.js';
import type { Workbench } from './workbench.js';

/** Far below what the server can answer, so that the probe is no load. */
const intervalMs = 5;
const currentFolder = 0x32;

const connections = 8;
const secondsFactor = 2;

export async function measureProbe(bench: Workbench, server: LocalServer): Promise<Latencies> {
  const capacity = await capacityOf(bench, server);
  const images = Math.ceil(capacity * bench.options.seconds * secondsFactor);
  const clients: PearClient[] = [];
  for (let index = 0; index < server.workers; index++) {
    clients.push(await PearClient.connect({ host: '127.0.0.1', port: server.port }));
  }
  const loading = { running: true };
  const loaded = runServer(server, bench.load, { images, connections, way: 'bytes' }).finally(() => {
    loading.running = false;
  });
  // Awaited below; where the probe fails first, that is the failure to tell.
  loaded.catch(() => undefined);
  const latenciesMs: number[] = [];
  for (let at = 0; loading.running; at++) {
    const asked = performance.now();
    await clients[at % clients.length]?.request(currentFolder);
    latenciesMs.push(performance.now() - asked);
    await wait(intervalMs);
  }
  await loaded;
  await Promise.all(clients.map((client) => client.close()));
  return latenciesOf(latenciesMs);
}
