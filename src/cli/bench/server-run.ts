// One measurement of the server: so many images over so many connections, and what it cost.
import type { LocalServer } from '../local-server.js';
import type { Load } from './load.js';
import type { Way } from './load-messages.js';
import { serverCpuMs, serverFigures } from './process-figures.js';

export interface ServerRun {
  readonly images: number;
  readonly imagesPerSecond: number;
  /** Of the primary and all workers; null where the system does not tell. */
  readonly cpuMsPerImage: number | null;
  readonly clientCpuMsPerImage: number;
  readonly verdicts: Readonly<Record<string, number>>;
}

/** So many images of all connections together are under way, more than all workers can have in hand. */
const underWayPerWorker = 32;
const imagesPerRequestMax = 16;
/** A connection sends at least so many requests, where there are images enough, so that they overlap. */
const requestsMin = 4;

/** At least `images`, in equal parts. */
export function workShape(images: number, connections: number, workers: number) {
  const imagesPerRequest = Math.min(
    imagesPerRequestMax,
    Math.max(1, Math.floor(images / (connections * requestsMin))),
  );
  const requestsPerConnection = Math.ceil(images / (connections * imagesPerRequest));
  const requestsUnderWay = Math.max(
    2,
    Math.ceil((underWayPerWorker * workers) / (connections * imagesPerRequest)),
  );
  return { connections, imagesPerRequest, requestsPerConnection, requestsUnderWay };
}

export async function runServer(
  server: LocalServer,
  load: Load,
  { images, connections, way }: { readonly images: number; readonly connections: number; readonly way: Way },
): Promise<ServerRun> {
  const before = await serverFigures(server.pid);
  const done = await load.work({ port: server.port, way, ...workShape(images, connections, server.workers) });
  const after = await serverFigures(server.pid);
  return {
    images: done.images,
    imagesPerSecond: done.images / done.seconds,
    cpuMsPerImage:
      before === null || after === null ? null : (serverCpuMs(after) - serverCpuMs(before)) / done.images,
    clientCpuMsPerImage: done.cpuMs / done.images,
    verdicts: done.verdicts,
  };
}
