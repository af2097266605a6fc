// What the view of connections adds to each that comes and goes: on servers that keep it in the primary and in Redis, by one
// that keeps none.
import { setTimeout as wait } from 'node:timers/promises';
import type { LocalServer } from '../local-server.js';
import type { ModelChoice } from './model-choice.js';
import { parallelConnects, settleMs } from './peers-cost.js';
import { serverFigures, type ServerFigures } from './process-figures.js';
import { RedisProcess } from './redis-process.js';
import { median, ratio } from './statistics.js';
import type { Workbench } from './workbench.js';

/** Before it counts, or so many as fit into this many times the time of a measurement. */
const warmUpConnects = 3_000;
const warmUpFactor = 10;

/** Processor time for one connection that is opened, asks once, and is closed. */
export interface ConnectionCost {
  readonly workerCpuMs: number | null;
  readonly primaryCpuMs: number | null;
  /** How many really came and went a second: fewer than wanted where the machine does no more. */
  readonly perSecond: number;
}

/** `none`: no view is kept; it is what the others are compared with. */
const stores = ['none', 'embedded', 'redis'] as const;
type Store = (typeof stores)[number];

export interface StoreCost extends ConnectionCost {
  readonly store: Store;
  /** Of the workers alone, by that without a view: the median of the rounds. */
  readonly workerCpuRatio: number | null;
}

export interface ViewEffect {
  readonly opensPerSecond: number;
  readonly stores: readonly StoreCost[];
  /** Why the view in Redis is not among them; null: it is. */
  readonly skipped: string | null;
  readonly rounds: readonly Round[];
}

interface Round {
  readonly costs: readonly (ConnectionCost & { readonly store: Store })[];
}

/** One server for each store; they take turns. */
export async function measureView(bench: Workbench, model: ModelChoice): Promise<ViewEffect> {
  const { rounds: wanted, opens, seconds } = bench.options;
  const redis = await bench.startRedis();
  const servers = new Map<Store, LocalServer>();
  for (const store of stores) {
    if (store === 'redis' && !(redis instanceof RedisProcess)) continue;
    const address = redis instanceof RedisProcess ? ['--connections.redis.url', redis.url] : [];
    servers.set(store, await bench.startServer(model, '--connections.store', store, ...address));
  }
  // Code that has run often is compiled and cheaper, so all have to have run.
  for (const { port } of servers.values()) {
    await bench.load.connects({
      port,
      parallel: parallelConnects,
      seconds: seconds * warmUpFactor,
      countMax: warmUpConnects,
    });
  }
  const rounds: Round[] = [];
  for (let round = 0; round < wanted; round++) {
    const costs = [];
    for (const [store, server] of servers) costs.push({ store, ...(await costOf(bench, server)) });
    rounds.push({ costs });
  }
  for (const server of servers.values()) await server.stop();
  return {
    opensPerSecond: opens,
    stores: [...servers.keys()].map((store) => storeCost(store, rounds)),
    skipped: redis instanceof RedisProcess ? null : redis,
    rounds,
  };
}

async function costOf(bench: Workbench, server: LocalServer): Promise<ConnectionCost> {
  const before = await serverFigures(server.pid);
  const { opens: perSecond, seconds } = bench.options;
  const { count, seconds: taken } = await bench.load.churn({ port: server.port, perSecond, seconds });
  // The last ones are written to the view after they have gone.
  await wait(settleMs);
  const after = await serverFigures(server.pid);
  const spent = (value: (figures: ServerFigures) => number) =>
    before === null || after === null ? null : (value(after) - value(before)) / count;
  return {
    workerCpuMs: spent(({ workers }) => workers.reduce((sum, { cpuMs }) => sum + cpuMs, 0)),
    primaryCpuMs: spent(({ primary }) => primary.cpuMs),
    perSecond: count / taken,
  };
}

function storeCost(store: Store, rounds: readonly Round[]): StoreCost {
  const middle = (value: (cost: ConnectionCost, without: ConnectionCost) => number | null) => {
    const values = rounds.map(({ costs }) => {
      const [own, none] = [store, 'none'].map((wanted) => costs.find((cost) => cost.store === wanted));
      return own === undefined || none === undefined ? null : value(own, none);
    });
    return median(values.filter((each) => each !== null));
  };
  return {
    store,
    workerCpuMs: middle(({ workerCpuMs }) => workerCpuMs),
    primaryCpuMs: middle(({ primaryCpuMs }) => primaryCpuMs),
    perSecond: middle(({ perSecond }) => perSecond) ?? 0,
    workerCpuRatio: middle((own, none) => ratio(own.workerCpuMs, none.workerCpuMs)),
  };
}
