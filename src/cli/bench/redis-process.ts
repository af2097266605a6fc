// A redis-server of the benchmark's own, on a free port, that keeps nothing on disk.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

const startTimeoutMs = 10_000;
const lookIntervalMs = 20;

export class RedisProcess {
  readonly url: string;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, url: string) {
    this.#process = process;
    this.url = url;
  }

  /** Resolves when it answers, or to the reason why there is none. */
  static async start(folder: string): Promise<RedisProcess | string> {
    const port = await freePort();
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    const child = spawn('redis-server', [...args, '--dir', folder], { stdio: 'ignore' });
    let trouble: string | null = null;
    child.once('error', () => (trouble ??= 'redis-server is not installed'));
    child.once('exit', () => (trouble ??= 'redis-server ended before it answered'));
    const deadline = Date.now() + startTimeoutMs;
    while (!(await answers(port))) {
      if (Date.now() > deadline) {
        child.kill('SIGKILL');
        trouble ??= 'redis-server did not answer';
      }
      if (trouble !== null) return trouble;
      await wait(lookIntervalMs);
    }
    return new RedisProcess(child, `redis://127.0.0.1:${port}/0`);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('a TCP server without an address');
  return address.port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('data', (data) => {
      resolve(data.toString().startsWith('+'));
      socket.destroy();
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
