// Thousands of connections within a moment: whether each has an answer, and what those that stay cost in memory.
import { setTimeout as wait } from 'node:timers/promises';
import type { LocalServer } from '../local-server.js';
import { Load } from './load.js';
import type { BurstResult } from './load-messages.js';
import { bytesPerPeer, type MemoryPerPeer } from './peers-cost.js';
import { serverFigures } from './process-figures.js';
import type { Workbench } from './workbench.js';

const withinSeconds = 2;

/** One process alone cannot open so many so fast. */
const clientProcesses = 3;

/** Memory that is free again is given back after some time, or never. */
const settleMs = 5_000;

export interface BurstReport extends BurstResult, MemoryPerPeer {
  readonly peers: number;
}

/** The server is to be fresh: one that has worked has free memory to give. */
export async function measureBurst(bench: Workbench, server: LocalServer): Promise<BurstReport> {
  const peers = bench.options.burst;
  const share = Math.ceil(peers / clientProcesses);
  const clients = Array.from({ length: Math.ceil(peers / share) }, () => new Load());
  try {
    await wait(settleMs);
    const before = await serverFigures(server.pid);
    const results = await Promise.all(
      clients.map((client, index) =>
        client.burst({
          port: server.port,
          count: Math.min(share, peers - index * share),
          seconds: withinSeconds,
          first: index * share,
        }),
      ),
    );
    await wait(settleMs);
    const after = await serverFigures(server.pid);
    const sum = (value: (result: BurstResult) => number) =>
      results.reduce((total, result) => total + value(result), 0);
    const longest = (value: (result: BurstResult) => number) => Math.max(...results.map(value));
    const answered = sum((result) => result.answered);
    return {
      peers,
      answered,
      refused: sum(({ refused }) => refused),
      lost: sum(({ lost }) => lost),
      openedInSeconds: longest(({ openedInSeconds }) => openedInSeconds),
      seconds: longest(({ seconds }) => seconds),
      ...bytesPerPeer(before, after, answered),
    };
  } finally {
    await Promise.all(clients.map((client) => client.stop()));
  }
}
