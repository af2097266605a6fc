// Peers that vanish without a word: the kernel asks after them, so that their places are not lost for ever.
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { eventually } from '../support/deadline.js';
import { request } from '../support/replies.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';

const isLinux = process.platform === 'linux';
/** What the column `tr` says while nothing waits but the question whether the other side is still there. */
const keepAliveTimer = '02';

/** The timer that runs for the connection from `remotePort`, as the kernel tells it; null where it knows no such. */
function timerOf(localPort: number, remotePort: number): string | null {
  const isPort = (address: string | undefined, port: number) =>
    Number.parseInt(address?.split(':')[1] ?? '', 16) === port;
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const [, local, remote, , , timer] = line.trim().split(/\s+/);
    if (isPort(local, localPort) && isPort(remote, remotePort)) return timer?.split(':')[0] ?? null;
  }
  return null;
}

test(
  'the kernel looks after a connection that rests, forwarded ones too',
  { skip: isLinux ? false : 'only Linux tells which timers run for a connection' },
  async (t) => {
    const balancer = '127.0.0.3';
    const server = await startServer(t, '--server.proxy_protocol', JSON.stringify([balancer]));
    const wires = [
      ['', await Wire.open(server.port)],
      ['PROXY TCP4 192.0.2.7 10.0.0.1 51000 9090\r\n', await Wire.open(server.port, balancer)],
    ] as const;
    for (const [start, wire] of wires) {
      await wire.ask(start + request(0x32, null));
      await eventually('nothing but its keep-alive timer runs', () =>
        timerOf(server.port, wire.socket.localPort ?? 0) === keepAliveTimer ? true : null,
      );
    }
    for (const [, wire] of wires) wire.close();
  },
);
