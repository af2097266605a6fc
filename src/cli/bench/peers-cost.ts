// What connections cost that send no image: how many can come a second, the memory of those that only stay, and what
// the view of connections adds to each that comes and goes.
import { setTimeout as wait } from 'node:timers/promises';
import type { LocalServer } from '../local-server.js';
import type { ModelChoice } from './model-choice.js';
import { serverFigures, type ServerFigures } from './process-figures.js';
import { median, ratio } from './statistics.js';
import type { Workbench } from './workbench.js';

const parallelConnects = 32;
/** Their ports rest for a minute after them. */
const connectsMax = 50_000;

/** Or so many as fit into this many times the time of a measurement. */
const warmUpConnects = 3_000;
const warmUpFactor = 10;

/** The view is written every 250 ms, and memory that is free again is not given back at once. */
const settleMs = 1_000;

export interface Connects {
  readonly perSecond: number | null;
  readonly rounds: readonly { readonly count: number; readonly seconds: number }[];
}

export async function measureConnects(bench: Workbench, server: LocalServer): Promise<Connects> {
  const rounds: { readonly count: number; readonly seconds: number }[] = [];
  const { rounds: wanted, seconds } = bench.options;
  for (let round = 0; round < wanted; round++) {
    rounds.push(
      await bench.load.connects({
        port: server.port,
        parallel: parallelConnects,
        seconds,
        countMax: Math.ceil(connectsMax / wanted),
      }),
    );
  }
  return { perSecond: median(rounds.map(({ count, seconds: taken }) => count / taken)), rounds };
}

export interface MemoryPerPeer {
  /** Of all workers together; null where the system does not tell. */
  readonly workerBytesPerPeer: number | null;
  readonly primaryBytesPerPeer: number | null;
}

export interface IdleMemory extends MemoryPerPeer {
  readonly peers: number;
}

/** The server is to be fresh: one that has worked has free memory to give. */
export async function measureIdle(bench: Workbench, server: LocalServer): Promise<IdleMemory> {
  const peers = bench.options.idle;
  await wait(settleMs);
  const before = await serverFigures(server.pid);
  await bench.load.hold({ port: server.port, count: peers });
  await wait(settleMs);
  const after = await serverFigures(server.pid);
  await bench.load.release();
  return { peers, ...bytesPerPeer(before, after, peers) };
}

/** What resident memory has grown by for each of the connections that came between the two. */
export function bytesPerPeer(
  before: ServerFigures | null,
  after: ServerFigures | null,
  peers: number,
): MemoryPerPeer {
  const grown = (value: (figures: ServerFigures) => number) =>
    before === null || after === null || peers === 0 ? null : (value(after) - value(before)) / peers;
  return {
    workerBytesPerPeer: grown(({ workers }) => workers.reduce((sum, { rssBytes }) => sum + rssBytes, 0)),
    primaryBytesPerPeer: grown(({ primary }) => primary.rssBytes),
  };
}

/** Processor time for one connection that is opened, asks once, and is closed. */
export interface ConnectionCost {
  readonly workerCpuMs: number | null;
  readonly primaryCpuMs: number | null;
}

export interface ViewEffect {
  readonly opensPerSecond: number;
  readonly withView: ConnectionCost;
  readonly withoutView: ConnectionCost;
  /** With by without, workers and primary together. */
  readonly cpuRatio: number | null;
  readonly rounds: readonly { readonly withView: ConnectionCost; readonly withoutView: ConnectionCost }[];
}

/** `withServer`: one that keeps the view; beside it one is started that does not. */
export async function measureView(
  bench: Workbench,
  withServer: LocalServer,
  model: ModelChoice,
): Promise<ViewEffect> {
  const { rounds: wanted, opens, seconds } = bench.options;
  const withoutServer = await bench.startServer(model, '--connections.store', 'none');
  // Code that has run often is compiled and cheaper, so both have to have run.
  for (const { port } of [withServer, withoutServer]) {
    await bench.load.connects({
      port,
      parallel: parallelConnects,
      seconds: seconds * warmUpFactor,
      countMax: warmUpConnects,
    });
  }
  const rounds: { readonly withView: ConnectionCost; readonly withoutView: ConnectionCost }[] = [];
  for (let round = 0; round < wanted; round++) {
    const withView = await costOf(bench, withServer);
    rounds.push({ withView, withoutView: await costOf(bench, withoutServer) });
  }
  await withoutServer.stop();
  const withView = medianCost(rounds.map((round) => round.withView));
  const withoutView = medianCost(rounds.map((round) => round.withoutView));
  return {
    opensPerSecond: opens,
    withView,
    withoutView,
    cpuRatio: ratio(total(withView), total(withoutView)),
    rounds,
  };
}

async function costOf(bench: Workbench, server: LocalServer): Promise<ConnectionCost> {
  const before = await serverFigures(server.pid);
  const { opens: perSecond, seconds } = bench.options;
  const { count } = await bench.load.churn({ port: server.port, perSecond, seconds });
  // The last ones are written to the view after they have gone.
  await wait(settleMs);
  const after = await serverFigures(server.pid);
  const spent = (value: (figures: ServerFigures) => number) =>
    before === null || after === null ? null : (value(after) - value(before)) / count;
  return {
    workerCpuMs: spent(({ workers }) => workers.reduce((sum, { cpuMs }) => sum + cpuMs, 0)),
    primaryCpuMs: spent(({ primary }) => primary.cpuMs),
  };
}

function medianCost(costs: readonly ConnectionCost[]): ConnectionCost {
  const middle = (value: (cost: ConnectionCost) => number | null) =>
    median(costs.map(value).filter((each) => each !== null));
  return {
    workerCpuMs: middle((cost) => cost.workerCpuMs),
    primaryCpuMs: middle((cost) => cost.primaryCpuMs),
  };
}

function total({ workerCpuMs, primaryCpuMs }: ConnectionCost): number | null {
  return workerCpuMs === null || primaryCpuMs === null ? null : workerCpuMs + primaryCpuMs;
}
