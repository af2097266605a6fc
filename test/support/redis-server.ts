// A real redis-server of a test's own: on a Unix socket in a temporary folder, keeping nothing on disk.
// It fails where redis-server is not installed: a store that is only tested against a fake is not tested.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

const startTimeoutMs = 10_000;
const run = promisify(execFile);

export interface RedisServer {
  /** For `connections.redis.url`. */
  readonly url: string;
  readonly socketPath: string;
  /** What redis-cli prints, without the line end. */
  cli(...args: string[]): Promise<string>;
  /** Ends the server and all it held. The URL stays, for `start`. */
  stop(): Promise<void>;
  /** Starts it again after `stop`, empty. */
  start(): Promise<void>;
  /** Ends it and starts it again, empty. */
  restart(): Promise<void>;
  /** Stops the process where it stands (SIGSTOP): connections stay open and nothing is answered. */
  freeze(): void;
  thaw(): void;
  /** Ends the server for good and removes its folder. */
  dispose(): Promise<void>;
}

/** Starts a server and waits until it answers. `options`: more of its command line, such as `--requirepass x`. */
export async function startRedisServer(...options: string[]): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'pear-redis-'));
  const socketPath = join(folder, 'redis.sock');
  let child: ChildProcess | null = null;
  // A test that dies leaves no server behind.
  const kill = () => child?.kill('SIGKILL');
  process.on('exit', kill);

  const start = async () => {
    const kept = ['--save', '', '--appendonly', 'no', '--dir', folder];
    const started = spawn('redis-server', ['--port', '0', '--unixsocket', socketPath, ...kept, ...options], {
      stdio: 'ignore',
    });
    child = started;
    const troubles: Error[] = [];
    started.once('error', (cause) => {
      troubles.push(
        new Error('redis-server cannot be started; install it: apt-get install redis-server', {
          cause,
        }),
      );
    });
    started.once('exit', (code) => {
      troubles.push(new Error(`redis-server ended with code ${code ?? 'none'} before it answered`));
    });
    const deadline = Date.now() + startTimeoutMs;
    while (!(await answers(socketPath))) {
      if (troubles[0] !== undefined) throw troubles[0];
      if (Date.now() > deadline) throw new Error(`redis-server did not answer within ${startTimeoutMs} ms`);
      await wait(5);
    }
  };

  const stop = async () => {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    // Frozen, it would not see anything gentler.
    child.kill('SIGKILL');
    await ended;
    await rm(socketPath, { force: true });
  };

  try {
    await start();
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  return {
    url: `redis://localhost/0?path=${encodeURIComponent(socketPath)}`,
    socketPath,
    cli: async (...args) => (await run('redis-cli', ['-s', socketPath, ...args])).stdout.replace(/\n$/, ''),
    stop,
    start,
    restart: async () => {
      await stop();
      await start();
    },
    freeze: () => child?.kill('SIGSTOP'),
    thaw: () => child?.kill('SIGCONT'),
    dispose: async () => {
      await stop();
      process.off('exit', kill);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Whether somebody behind the socket speaks Redis; an error such as NOAUTH is an answer too. */
function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => socket.write('PING\r\n'));
    socket.once('data', (data) => {
      resolve(/^[+-]/.test(data.toString()));
      socket.destroy();
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
