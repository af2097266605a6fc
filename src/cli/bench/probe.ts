// How long a trivial command takes while every core infers: 0x32 over connections that do nothing else, one to each
// worker, asked from this process and not from the one that makes the load. An open loop: every few milliseconds one is due.
// Clients are other machines, so this process goes before all others of this one, where it may.
import { getPriority, setPriority } from 'node:os';
import type { LocalServer } from '../local-server.js';
import { capacityOf } from './latency.js';
import { LoadConnection } from './load-connection.js';
import { trivialRequest } from './load-requests.js';
import { openLoop } from './open-loop.js';
import { ways, type Way } from './load-messages.js';
import { runServer } from './server-run.js';
import { latenciesOf, type Latencies } from './statistics.js';
import type { Workbench } from './workbench.js';

/** Far below what the server can answer, so that the probe is no load. */
const intervalMs = 5;

const connections = 8;

/** Of the system's -20 to 19; only an administrator's processes may go below 0. */
const probePriority = -15;
const secondsFactor = 2;

export interface Probe extends Latencies {
  /** Of the images that keep the cores busy. */
  readonly way: Way;
  /** Whether this process went first: else its own waiting for a core is in the figures. */
  readonly wentFirst: boolean;
  /** Judged before, and not counted. */
  readonly warmUpImages: number;
}

export async function measureProbes(bench: Workbench, server: LocalServer): Promise<readonly Probe[]> {
  const probes: Probe[] = [];
  for (const way of ways) probes.push(await measureProbe(bench, server, way));
  return probes;
}

async function measureProbe(bench: Workbench, server: LocalServer, way: Way): Promise<Probe> {
  const { perSecond, warmUpImages } = await capacityOf(bench, server);
  const images = Math.ceil(perSecond * bench.options.seconds * secondsFactor);
  const probes: LoadConnection[] = [];
  try {
    for (let index = 0; index < server.workers; index++) probes.push(await LoadConnection.open(server.port));
    const loading = { running: true };
    const loaded = runServer(server, bench.load, { images, connections, way }).finally(() => {
      loading.running = false;
    });
    // Awaited below; where the probe fails first, that is the failure to tell.
    loaded.catch(() => undefined);
    const restore = goFirst();
    const latenciesMs = await openLoop({
      intervalMs,
      goesOn: () => loading.running,
      ask: async (index) => probes[index % probes.length]?.send(trivialRequest),
    });
    restore?.();
    await loaded;
    return { way, wentFirst: restore !== null, warmUpImages, ...latenciesOf(latenciesMs) };
  } finally {
    for (const probe of probes) probe.destroy();
  }
}

/** Gives what undoes it; null where it is not allowed. */
function goFirst(): (() => void) | null {
  const before = getPriority();
  try {
    setPriority(probePriority);
  } catch {
    return null;
  }
  return () => {
    setPriority(before);
  };
}
