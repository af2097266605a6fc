// What connections cost that send no image: how many can come a second, and the memory of those that only stay.
import { setTimeout as wait } from 'node:timers/promises';
import type { LocalServer } from '../local-server.js';
import { serverFigures, type ServerFigures } from './process-figures.js';
import { median } from './statistics.js';
import type { Workbench } from './workbench.js';

export const parallelConnects = 32;
/** Their ports rest for a minute after them. */
const connectsMax = 50_000;

/** The view is written every 250 ms, and memory that is free again is not given back at once. */
export const settleMs = 1_000;

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
