// Connections opened and closed by the load process: as fast as it goes, at a fixed rate, or held.
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { LoadConnection } from './load-connection.js';
import type { CountResult, Order } from './load-messages.js';
import { trivialRequest } from './load-requests.js';

/** Each address has 28,000 ports of its own, and a port rests for a minute after its connection. */
const addressCount = 50;

/** So many are opened at a time where they are only to be held. */
const openAtOnce = 50;

/** Each connection has to have an answer before it is closed and counts. */
export async function connects(order: Order<'connects'>): Promise<CountResult> {
  const { port, parallel, seconds, countMax } = order;
  const start = performance.now();
  let opened = 0;
  let count = 0;
  const visitor = async () => {
    while (opened < countMax && performance.now() - start < seconds * 1000) {
      await visit(port, opened++);
      count++;
    }
  };
  await Promise.all(Array.from({ length: parallel }, visitor));
  return { count, seconds: (performance.now() - start) / 1000 };
}

export async function churn({ port, perSecond, seconds }: Order<'churn'>): Promise<CountResult> {
  const start = performance.now();
  const visits: Promise<void>[] = [];
  for (let index = 0; index < perSecond * seconds; index++) {
    const due = start + (index / perSecond) * 1000;
    if (due > performance.now()) await wait(due - performance.now());
    const visited = visit(port, index);
    // Awaited at the end; a failure until then is not unhandled.
    visited.catch(() => undefined);
    visits.push(visited);
  }
  await Promise.all(visits);
  return { count: visits.length, seconds: (performance.now() - start) / 1000 };
}

export async function hold(port: number, count: number): Promise<readonly LoadConnection[]> {
  const held: LoadConnection[] = [];
  while (held.length < count) {
    const some = Math.min(openAtOnce, count - held.length);
    held.push(
      ...(await Promise.all(
        Array.from({ length: some }, async (_, index) => {
          const connection = await LoadConnection.open(port, addressOf(held.length + index));
          await connection.send(trivialRequest);
          return connection;
        }),
      )),
    );
  }
  return held;
}

async function visit(port: number, index: number): Promise<void> {
  const connection = await LoadConnection.open(port, addressOf(index));
  await connection.send(trivialRequest);
  await connection.close();
}

/** One of 127.0.0.0/8 for a connection. */
export function addressOf(index: number): string {
  return `127.0.1.${(index % addressCount) + 1}`;
}
