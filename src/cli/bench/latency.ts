// How long one image takes while the server has a part of the work that it could do: images come at random times over
// several connections (an open loop with Poisson arrivals), as from many cameras that know nothing of each other.
import type { LocalServer } from '../local-server.js';
import { runServer } from './server-run.js';
import { latenciesOf, type Latencies } from './statistics.js';
import type { Workbench } from './workbench.js';

/** Shares of the capacity that was measured right before. */
const loads = [0.5, 0.9] as const;

const capacityConnections = 8;
const connections = 16;

/** Slow ones are rare, so this takes longer than other measurements. */
const secondsFactor = 5;

export interface LatencyLine extends Latencies {
  readonly load: number;
  readonly capacityPerSecond: number;
  /** Judged before, to measure the capacity, and not counted. */
  readonly warmUpImages: number;
  /** Images that really came, by the time until the last was answered. */
  readonly answeredPerSecond: number;
}

export async function measureLatency(bench: Workbench, server: LocalServer): Promise<readonly LatencyLine[]> {
  const lines: LatencyLine[] = [];
  const { seconds, seed } = bench.options;
  for (const [index, load] of loads.entries()) {
    const { perSecond: capacity, warmUpImages } = await capacityOf(bench, server);
    const { latenciesMs, seconds: taken } = await bench.load.arrivals({
      port: server.port,
      way: 'bytes',
      connections,
      perSecond: capacity * load,
      seconds: seconds * secondsFactor,
      seed: seed + index,
    });
    lines.push({
      load,
      capacityPerSecond: capacity,
      warmUpImages,
      answeredPerSecond: latenciesMs.length / taken,
      ...latenciesOf(latenciesMs),
    });
  }
  return lines;
}

export interface Capacity {
  readonly perSecond: number;
  /** Judged for it; they warm the server up for what is measured behind. */
  readonly warmUpImages: number;
}

/** Images per second that the server can do now: as many as a short measurement shows how to choose for a longer one. */
export async function capacityOf(bench: Workbench, server: LocalServer): Promise<Capacity> {
  const run = (images: number) =>
    runServer(server, bench.load, { images, connections: capacityConnections, way: 'bytes' });
  const short = await run(capacityConnections * server.workers);
  const long = await run(Math.ceil(short.imagesPerSecond * bench.options.seconds));
  return { perSecond: long.imagesPerSecond, warmUpImages: short.images + long.images };
}
