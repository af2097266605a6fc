// `npm run bench`: starts the real server and, in the same run, bare pipelines on the same photos and models, and prints
// what the server reaches of what they do. docs/performance.md explains the method. Bounded in time; it ends what it
// started, also on Ctrl+C.
import { writeFile } from 'node:fs/promises';
import { StartupError } from '../../errors.js';
import type { LocalServer } from '../local-server.js';
import { measureBurst } from './burst.js';
import { measureLatency } from './latency.js';
import { describeMachine } from './machine.js';
import { chooseModel, type ModelChoice } from './model-choice.js';
import { readOptions, usage, type BenchOptions, type Part } from './options.js';
import { measureConnects, measureIdle } from './peers-cost.js';
import { libvipsVersion } from './photos.js';
import { measureModelChanges } from './model-changes.js';
import { measureProbes } from './probe.js';
import { measureRecords } from './records.js';
import * as text from './report.js';
import { soak } from './soak.js';
import { mean } from './statistics.js';
import { runServer } from './server-run.js';
import { measureThroughput } from './throughput.js';
import { measureView } from './view-cost.js';
import { Workbench } from './workbench.js';

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  try {
    const options = readOptions(args);
    if (options === null) {
      process.stdout.write(usage);
      return 0;
    }
    const report = await run(options);
    const json = `${JSON.stringify(report, null, 2)}\n`;
    if (options.json === '-') process.stdout.write(json);
    else if (options.json !== null) await writeFile(options.json, json);
    if (report.soak?.verdict.passed !== false) return 0;
    process.stderr.write(`soak ${report.soak.verdict.words}\n`);
    return 1;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    process.stderr.write(`${error.message}${error instanceof StartupError ? `; ${error.cure}` : ''}\n`);
    return 1;
  }
}

async function run(options: BenchOptions): Promise<text.Report> {
  const bench = await Workbench.open(options);
  const close = closeOnSignal(bench);
  try {
    const machine = describeMachine(libvipsVersion);
    const startedAt = new Date().toISOString();
    await bench.prepare();
    const photos = {
      count: bench.photos.length,
      meanBytes: Math.round(mean(bench.photos.map(({ bytes }) => bytes))),
    };
    const print = options.json === '-' ? () => undefined : (part: string) => process.stdout.write(part);
    print(text.heading({ machine, options, photos }));
    const models = await Promise.all(
      options.model.map((name) => chooseModel(name, bench.folder, options.seed)),
    );
    const found =
      options.soak === null
        ? await measure(bench, models, print)
        : await soakOnly(bench, models, options.soak, print);
    return { machine, startedAt, options, photos, ...found };
  } finally {
    await close();
  }
}

type Found = Pick<text.Report, 'models' | PeerPart | 'soak'>;
type PeerPart = 'connects' | 'idle' | 'view' | 'burst' | 'records' | 'changes';
type Print = (part: string) => unknown;

async function measure(bench: Workbench, models: readonly ModelChoice[], print: Print): Promise<Found> {
  const reports: text.ModelReport[] = [];
  for (const model of models) {
    if (wants(bench, 'throughput', 'latency', 'probe')) reports.push(await measureModel(bench, model, print));
  }
  return { models: reports, ...(await measurePeers(bench, firstOf(models), print)), soak: null };
}

/** Connections cost the same whatever the model is. Memory comes first: a server that has worked has some to spare. */
async function measurePeers(
  bench: Workbench,
  model: ModelChoice,
  print: Print,
): Promise<Pick<Found, PeerPart>> {
  const found = await measureFewPeers(bench, model, print);
  const view = wants(bench, 'view') ? await measureView(bench, model) : null;
  if (view !== null) print(text.viewText(view));
  const burst = wants(bench, 'burst')
    ? await onServer(bench, model, (server) => measureBurst(bench, server))
    : null;
  if (burst !== null) print(text.burstText(burst));
  const records = wants(bench, 'records') ? await measureRecords(bench) : null;
  if (records !== null) print(text.recordsText(records));
  const changes = wants(bench, 'changes') ? await measureModelChanges(bench, model) : null;
  if (changes !== null) print(text.changesText(changes));
  return { ...found, view, burst, records, changes };
}

function measureFewPeers(
  bench: Workbench,
  model: ModelChoice,
  print: Print,
): Promise<Pick<Found, 'connects' | 'idle'>> {
  if (!wants(bench, 'idle', 'connects')) return Promise.resolve({ connects: null, idle: null });
  return onServer(bench, model, async (server) => {
    const idle = wants(bench, 'idle') ? await measureIdle(bench, server) : null;
    if (idle !== null) print(text.idleText(idle));
    const connects = wants(bench, 'connects') ? await measureConnects(bench, server) : null;
    if (connects !== null) print(text.connectsText(connects));
    return { connects, idle };
  });
}

function measureModel(bench: Workbench, model: ModelChoice, print: Print): Promise<text.ModelReport> {
  return onServer(bench, model, async (server) => {
    // Code is compiled and buffers have their size before anything counts.
    await runServer(server, bench.load, { images: 16 * server.workers, connections: 8, way: 'bytes' });
    let throughput = null;
    if (wants(bench, 'throughput')) {
      const bare = await bench.startBare(model);
      throughput = await measureThroughput(bench, server, bare);
      await bench.stopBare(bare);
      print(text.throughputText(model.name, throughput));
    }
    const latency = wants(bench, 'latency') ? await measureLatency(bench, server) : null;
    if (latency !== null) print(text.latencyText(model.name, latency));
    const probe = wants(bench, 'probe') ? await measureProbes(bench, server) : null;
    if (probe !== null) print(text.probeText(model.name, probe));
    return { model: model.name, throughput, latency, probe };
  });
}

async function soakOnly(
  bench: Workbench,
  models: readonly ModelChoice[],
  images: number,
  print: Print,
): Promise<Found> {
  const found = await onServer(bench, firstOf(models), (server) => soak(bench, server, images));
  print(text.soakText(found));
  return {
    models: [],
    connects: null,
    idle: null,
    view: null,
    burst: null,
    records: null,
    changes: null,
    soak: found,
  };
}

function firstOf(models: readonly ModelChoice[]): ModelChoice {
  const [first] = models;
  if (first === undefined) throw new Error('there is no model');
  return first;
}

/** Does `work` on a server of its own. */
async function onServer<T>(
  bench: Workbench,
  model: ModelChoice,
  work: (server: LocalServer) => Promise<T>,
): Promise<T> {
  const server = await bench.startServer(model);
  const result = await work(server);
  await server.stop();
  return result;
}

function wants(bench: Workbench, ...parts: readonly Part[]): boolean {
  return parts.some((part) => bench.options.parts.includes(part));
}

/** Everything that was started ends once, whether by what is returned or by a signal. */
function closeOnSignal(bench: Workbench): () => Promise<void> {
  let closing: Promise<void> | null = null;
  const close = () => (closing ??= bench.close());
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => {
      void close().finally(() => process.exit(code));
    });
  }
  return close;
}
