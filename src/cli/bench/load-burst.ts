// A rush of connections: all of them are opened within some seconds, each asks at once, and what becomes of each is noted.
// Those that are served stay open.
import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { addressOf } from './load-connects.js';
import { codeOf } from './load-connection.js';
import type { BurstResult, Order } from './load-messages.js';
import { trivialRequest } from './load-requests.js';

/** Who has no answer by then has none. Longer than anybody waits at the server's door. */
const answerTimeoutMs = 60_000;

/** Opened together; timers count in whole milliseconds. */
const stepMs = 5;

type Fate = 'answered' | 'refused' | 'lost';

const busyCode = 6;

export interface Burst {
  readonly result: BurstResult;
  readonly held: readonly Socket[];
}

export async function burst({ port, count, seconds, first }: Order<'burst'>): Promise<Burst> {
  const start = performance.now();
  const held: Socket[] = [];
  const fates: Promise<Fate>[] = [];
  while (fates.length < count) {
    const due = Math.min(count, Math.ceil(((performance.now() - start) / (seconds * 1000)) * count));
    while (fates.length < due) fates.push(visit(port, addressOf(first + fates.length), held));
    await wait(stepMs);
  }
  const openedInSeconds = (performance.now() - start) / 1000;
  const all = await Promise.all(fates);
  const number = (fate: Fate) => all.filter((each) => each === fate).length;
  return {
    result: {
      answered: number('answered'),
      refused: number('refused'),
      lost: number('lost'),
      openedInSeconds,
      seconds: (performance.now() - start) / 1000,
    },
    held,
  };
}

function visit(port: number, localAddress: string, held: Socket[]): Promise<Fate> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, localAddress, noDelay: true });
    const settle = (fate: Fate) => {
      clearTimeout(timer);
      if (fate !== 'answered') socket.destroy();
      resolve(fate);
    };
    const timer = setTimeout(settle, answerTimeoutMs, 'lost');
    let received = '';
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      if (!received.includes('\n')) return;
      const code = codeOf(received.slice(0, received.indexOf('\n')));
      if (code === 0) held.push(socket);
      settle(code === 0 ? 'answered' : code === busyCode ? 'refused' : 'lost');
    });
    socket.on('error', () => {
      settle('lost');
    });
    socket.on('close', () => {
      settle('lost');
    });
    for (const part of trivialRequest.parts) socket.write(part);
  });
}
