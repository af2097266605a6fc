// `npm run bench`: starts the real server, keeps every worker inferring without pause, and measures how long a
// trivial command on another connection takes meanwhile. Bounded in time; it stops its server itself.
import { readdir } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { PearClient } from '../client/pear-client.js';
import { StartupError } from '../errors.js';
import { version } from '../version.js';
import { LocalServer } from './local-server.js';
import { table } from './table.js';

const usage = 'usage: npm run bench -- [--seconds 10] [--images FOLDER] [--json]';
const secondsMax = 600;
/** Connections that keep one worker busy: one would pause between a reply and the next request. */
const loadersPerWorker = 2;
const imagesPerRequest = 16;
/** Time between two probes: far below what the server can answer, so that the probe is no load. */
const probeIntervalMs = 5;
const currentFolder = 0x32;

interface Figures {
  readonly seconds: number;
  readonly workers: number;
  readonly imagesPerSecond: number;
  readonly probes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const { values } = parseArgs({
      options: {
        seconds: { type: 'string', default: '10' },
        images: { type: 'string', default: 'models/samples' },
        json: { type: 'boolean', default: false },
      },
    });
    const seconds = Number(values.seconds);
    if (!(seconds > 0 && seconds <= secondsMax))
      throw new StartupError(`--seconds ${values.seconds} is no time`, usage);
    print(await measure(seconds, values.images), values.json);
    return 0;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    process.stderr.write(`${error.message}${error instanceof StartupError ? `; ${error.cure}` : ''}\n`);
    return 1;
  }
}

async function measure(seconds: number, images: string): Promise<Figures> {
  const server = await LocalServer.start({ args: ['--model.img_path', images] });
  const target = { host: '127.0.0.1', port: server.port };
  const { workers } = server;
  try {
    const names = await imageNames(images);
    const loaders = await Promise.all(
      Array.from({ length: workers * loadersPerWorker }, () => PearClient.connect(target)),
    );
    const probe = await PearClient.connect(target);
    const load = { running: true, images: 0 };
    const loading = loaders.map((client) => keepBusy(client, names, load));
    await wait(1_000);
    const startImages = load.images;
    const start = performance.now();
    const latencies: number[] = [];
    while (performance.now() - start < seconds * 1000) {
      const asked = performance.now();
      await probe.request(currentFolder);
      latencies.push(performance.now() - asked);
      await wait(probeIntervalMs);
    }
    const elapsedSeconds = (performance.now() - start) / 1000;
    const judged = load.images - startImages;
    load.running = false;
    await Promise.all(loading);
    await Promise.all([...loaders, probe].map((client) => client.close()));
    latencies.sort((a, b) => a - b);
    return {
      seconds: elapsedSeconds,
      workers,
      imagesPerSecond: judged / elapsedSeconds,
      probes: latencies.length,
      p50Ms: percentile(latencies, 0.5),
      p99Ms: percentile(latencies, 0.99),
      maxMs: latencies.at(-1) ?? Number.NaN,
    };
  } finally {
    await server.stop();
  }
}

async function imageNames(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => /\.(jpe?g|png|webp)$/i.test(name));
  if (names.length === 0) throw new StartupError(`there are no images in ${folder}`, usage);
  return names;
}

/** Two requests under way all the time, so that the next one is there when one ends. */
async function keepBusy(
  client: PearClient,
  names: readonly string[],
  load: { running: boolean; images: number },
) {
  let at = 0;
  const request = async () => {
    while (load.running) {
      const batch = Array.from({ length: imagesPerRequest }, () => names[at++ % names.length] ?? '');
      load.images += (await client.classify(batch)).length;
    }
  };
  await Promise.all([request(), request()]);
}

/** Nearest-rank percentile of sorted values; `share` 0 to 1. */
function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

function print(figures: Figures, json: boolean): void {
  const { imagesPerSecond, p50Ms, p99Ms, maxMs } = figures;
  const machine = `${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} cores, Node ${process.version}`;
  if (json) {
    process.stdout.write(`${JSON.stringify({ version, machine, ...figures }, null, 2)}\n`);
    return;
  }
  const ms = (value: number) => `${value.toFixed(2)} ms`;
  process.stdout.write(
    `pear ${version} on ${machine}, ${figures.seconds.toFixed(1)} s\n` +
      table(
        ['what', 'figure'],
        [
          [`images per second, ${figures.workers} workers kept busy`, imagesPerSecond.toFixed(1)],
          [`0x32 meanwhile, p50 of ${figures.probes}`, ms(p50Ms)],
          ['0x32 meanwhile, p99', ms(p99Ms)],
          ['0x32 meanwhile, slowest', ms(maxMs)],
        ],
      ),
  );
}
