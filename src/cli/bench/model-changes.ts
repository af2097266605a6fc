// What it costs to change the model of a server that serves: how long an image takes meanwhile, against the same load
// without changes, and whether memory comes back.
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalServer } from '../local-server.js';
import { capacityOf } from './latency.js';
import { LoadConnection } from './load-connection.js';
import type { ModelChoice } from './model-choice.js';
import { serverFigures, type ServerFigures } from './process-figures.js';
import { latenciesOf, median, ratio, type Latencies } from './statistics.js';
import type { Workbench } from './workbench.js';

/** Of what the server could do. */
const load = 0.5;
const connections = 16;
const secondsFactor = 5;

/** Two of the same: changing between them loads all that there is to load, and every image costs the same. */
const names = ['first.onnx', 'second.onnx'] as const;

export interface ModelChanges {
  readonly without: Latencies;
  readonly during: Latencies;
  /** p99 during changes by p99 without. */
  readonly p99Ratio: number | null;
  readonly changes: number;
  /** From the request to its success. */
  readonly changeMs: number | null;
  /** The process whose resident memory has grown most over all changes, as a share; null: not known. */
  readonly memoryRatio: number | null;
  /** False where a process has been replaced meanwhile. */
  readonly sameProcesses: boolean;
}

export async function measureModelChanges(bench: Workbench, model: ModelChoice): Promise<ModelChanges> {
  const folder = join(bench.folder, 'changing');
  await mkdir(folder);
  for (const name of names) {
    await copyFile(model.path, join(folder, name));
    await copyFile(sidecarOf(model.path), join(folder, sidecarOf(name))).catch(() => undefined);
  }
  const server = await bench.startServer(
    model,
    ...['--model.model_path', join(folder, names[0]), '--cluster.state_dir', join(folder, 'state')],
  );
  const changer = await LoadConnection.open(server.port);
  try {
    return await measureOn(bench, server, changer);
  } finally {
    changer.destroy();
    await server.stop();
  }
}

async function measureOn(
  bench: Workbench,
  server: LocalServer,
  changer: LoadConnection,
): Promise<ModelChanges> {
  const { perSecond } = await capacityOf(bench, server);
  const { seconds, seed } = bench.options;
  const arrivals = (count: number) =>
    bench.load.arrivals({
      port: server.port,
      way: 'bytes',
      connections,
      perSecond: perSecond * load,
      seconds: seconds * secondsFactor,
      seed: seed + count,
    });
  const durationsMs: number[] = [];
  const change = async () => {
    const name = names[(durationsMs.length + 1) % 2] ?? names[0];
    const start = performance.now();
    await changer.send({
      parts: [Buffer.from(JSON.stringify({ cmd: 0x26, request_data: [name] }))],
      images: 0,
    });
    durationsMs.push(performance.now() - start);
  };
  const { latenciesMs: without } = await arrivals(0);
  const before = await serverFigures(server.pid);
  const loading = { running: true };
  const loaded = arrivals(1).finally(() => {
    loading.running = false;
  });
  // Awaited below; where a change fails first, that is the failure to tell.
  loaded.catch(() => undefined);
  while (loading.running) await change();
  const { latenciesMs: during } = await loaded;
  while (durationsMs.length < bench.options.changes) await change();
  const after = await serverFigures(server.pid);
  const [calm, changing] = [latenciesOf(without), latenciesOf(during)];
  return {
    without: calm,
    during: changing,
    p99Ratio: ratio(changing.p99Ms, calm.p99Ms),
    changes: durationsMs.length,
    changeMs: median(durationsMs),
    ...memoryOf(before, after),
  };
}

function memoryOf(
  before: ServerFigures | null,
  after: ServerFigures | null,
): Pick<ModelChanges, 'memoryRatio' | 'sameProcesses'> {
  if (before === null || after === null) return { memoryRatio: null, sameProcesses: true };
  const then = new Map([before.primary, ...before.workers].map(({ pid, rssBytes }) => [pid, rssBytes]));
  const ratios = [after.primary, ...after.workers].map(({ pid, rssBytes }) =>
    ratio(rssBytes, then.get(pid) ?? null),
  );
  const known = ratios.filter((value) => value !== null);
  return {
    memoryRatio: Math.max(...known),
    sameProcesses: known.length === then.size && ratios.length === then.size,
  };
}

function sidecarOf(path: string): string {
  return path.replace(/\.onnx$/i, '.yaml');
}
