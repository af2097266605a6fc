// Images per second of the server as a share of what bare pipelines reach, in rounds of bare and server by turns: what
// else a machine does changes from minute to minute, and ratios of neighbours in time suffer least.
import type { LocalServer } from '../local-server.js';
import type { Bare, BareRun } from './bare.js';
import { ways, type Way } from './load-messages.js';
import { runServer, type ServerRun } from './server-run.js';
import { mean, median, ratio } from './statistics.js';
import type { Workbench } from './workbench.js';

/** Below this share of its cores a bare run says nothing of what the cores can do. */
export const cpuShareMin = 0.95;

/** Not counted, about a minute and a half: servers run for days, and what is new to them their engine still compiles. */
const warmUpRounds = 2;

export interface ServerMeasurement extends Omit<ServerRun, 'verdicts'> {
  readonly round: number;
  readonly way: Way;
  readonly connections: number;
  /** Of the bare runs right before and after. */
  readonly bareImagesPerSecond: number;
  readonly bareCpuShare: number;
  readonly ratio: number;
  readonly cpuRatio: number | null;
}

export interface ThroughputLine {
  readonly way: Way;
  readonly connections: number;
  /** Medians over the rounds in which the bare runs had their cores; over all where there was none. */
  readonly imagesPerSecond: number | null;
  readonly ratio: number | null;
  readonly cpuRatio: number | null;
  readonly goodRounds: number;
  readonly rounds: number;
}

export interface Throughput {
  /** Rounds before those that count. */
  readonly warmUpRounds: number;
  readonly bareImagesPerSecond: number | null;
  readonly bareCpuMsPerImage: number | null;
  readonly lines: readonly ThroughputLine[];
  /** Photos that server and bare pipeline judged differently. */
  readonly differentVerdicts: readonly string[];
  readonly photosCompared: number;
  readonly bareRuns: readonly Omit<BareRun, 'verdicts'>[];
  readonly serverRuns: readonly ServerMeasurement[];
}

export async function measureThroughput(
  bench: Workbench,
  server: LocalServer,
  bare: Bare,
): Promise<Throughput> {
  const { rounds, seconds, connections } = bench.options;
  const bareRuns: BareRun[] = [];
  const serverRuns: ServerMeasurement[] = [];
  const verdicts: Record<string, number> = {};
  const runBare = async () => {
    const run = await bare.run(seconds);
    bareRuns.push(run);
    return run;
  };
  for (let round = 1 - warmUpRounds; round <= rounds; round++) {
    if (round === 1) bareRuns.length = serverRuns.length = 0;
    let before = await runBare();
    for (const way of ways) {
      const runs: { readonly connections: number; readonly run: ServerRun }[] = [];
      for (const count of connections) {
        const images = Math.max(1, Math.round(before.imagesPerSecond * seconds));
        const run = await runServer(server, bench.load, { images, connections: count, way });
        Object.assign(verdicts, run.verdicts);
        runs.push({ connections: count, run });
      }
      const after = await runBare();
      serverRuns.push(...runs.map((each) => compare(each.run, [before, after], { round, way, ...each })));
      before = after;
    }
  }
  const bareVerdicts = new Map(bareRuns.flatMap((run) => Object.entries(run.verdicts)));
  const judged = [...bareVerdicts.keys()].filter((name) => name in verdicts);
  const good = bareRuns.filter(({ cpuShare }) => cpuShare >= cpuShareMin);
  const telling = good.length > 0 ? good : bareRuns;
  return {
    warmUpRounds,
    bareImagesPerSecond: median(telling.map((run) => run.imagesPerSecond)),
    bareCpuMsPerImage: median(telling.map((run) => run.cpuMsPerImage)),
    lines: ways.flatMap((way) => connections.map((count) => summarize(serverRuns, way, count))),
    differentVerdicts: judged.filter((name) => bareVerdicts.get(name) !== verdicts[name]),
    photosCompared: judged.length,
    bareRuns: bareRuns.map(({ images, imagesPerSecond, cpuMsPerImage, cpuShare }) => ({
      images,
      imagesPerSecond,
      cpuMsPerImage,
      cpuShare,
    })),
    serverRuns,
  };
}

function compare(
  { images, imagesPerSecond, cpuMsPerImage, clientCpuMsPerImage }: ServerRun,
  bares: readonly BareRun[],
  { round, way, connections }: { readonly round: number; readonly way: Way; readonly connections: number },
): ServerMeasurement {
  const bareImagesPerSecond = mean(bares.map((bare) => bare.imagesPerSecond));
  return {
    round,
    way,
    connections,
    images,
    imagesPerSecond,
    cpuMsPerImage,
    clientCpuMsPerImage,
    bareImagesPerSecond,
    bareCpuShare: Math.min(...bares.map(({ cpuShare }) => cpuShare)),
    ratio: imagesPerSecond / bareImagesPerSecond,
    cpuRatio: ratio(cpuMsPerImage, mean(bares.map((bare) => bare.cpuMsPerImage))),
  };
}

export function summarize(runs: readonly ServerMeasurement[], way: Way, connections: number): ThroughputLine {
  const all = runs.filter((run) => run.way === way && run.connections === connections);
  const good = all.filter(({ bareCpuShare }) => bareCpuShare >= cpuShareMin);
  const telling = good.length > 0 ? good : all;
  return {
    way,
    connections,
    imagesPerSecond: median(telling.map((run) => run.imagesPerSecond)),
    ratio: median(telling.map((run) => run.ratio)),
    cpuRatio: median(telling.map((run) => run.cpuRatio).filter((value) => value !== null)),
    goodRounds: good.length,
    rounds: all.length,
  };
}
