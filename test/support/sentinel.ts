// A real Redis with a replica and a Sentinel that makes the replica the master when the master is gone; all on private
// ports, in temporary folders.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from './deadline.js';
import { freePort } from './free-port.js';
import { startRedisServer, type RedisServer } from './redis-server.js';

const run = promisify(execFile);
const readyTimeoutMs = 30_000;
/** Long enough that a busy machine does not make a living master count as gone. */
const downAfterMs = 1_500;

export interface SentinelSetup {
  /** For `connections.redis.sentinels`. */
  readonly address: string;
  /** The first master. */
  readonly master: RedisServer;
  readonly masterPort: number;
  readonly replica: RedisServer;
  readonly replicaPort: number;
  /** The port of whom the Sentinel calls the master. */
  currentPort(): Promise<number>;
  dispose(): Promise<void>;
}

/** `name`: what the master is called; the passwords are those of Redis and of the Sentinel. */
export async function startSentinel(
  name: string,
  passwords: { readonly redis: string; readonly sentinel: string },
): Promise<SentinelSetup> {
  const folder = await mkdtemp(join(tmpdir(), 'pear-sentinel-'));
  const [masterPort, replicaPort, port] = [await freePort(), await freePort(), await freePort()];
  const startRedis = (own: number, ...options: string[]) =>
    startRedisServer(
      ...['--port', String(own), '--bind', '127.0.0.1', '--repl-diskless-sync-delay', '0'],
      ...['--requirepass', passwords.redis, '--masterauth', passwords.redis, ...options],
    );
  const master = await startRedis(masterPort);
  const replica = await startRedis(replicaPort, '--replicaof', `127.0.0.1 ${masterPort}`);
  await eventually(
    'the replica follows the master',
    async () => {
      const info = await replica.cli('--no-auth-warning', '-a', passwords.redis, 'INFO', 'replication');
      return /^master_link_status:up/m.test(info) || null;
    },
    readyTimeoutMs,
  );

  const config = join(folder, 'sentinel.conf');
  await writeFile(
    config,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `requirepass ${passwords.sentinel}`,
      `sentinel monitor ${name} 127.0.0.1 ${masterPort} 1`,
      `sentinel auth-pass ${name} ${passwords.redis}`,
      `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
      `sentinel failover-timeout ${name} 10000`,
      '',
    ].join('\n'),
  );
  const sentinel = spawn('redis-server', [config, '--sentinel'], { stdio: 'ignore' });
  const kill = () => sentinel.kill('SIGKILL');
  process.on('exit', kill);
  const ask = async (...args: string[]) => {
    const login = ['-p', String(port), '--no-auth-warning', '-a', passwords.sentinel];
    return (await run('redis-cli', [...login, 'SENTINEL', ...args, name])).stdout;
  };
  await eventually(
    'the Sentinel knows the replica',
    async () => {
      const replicas = await ask('replicas').catch(() => '');
      return replicas.includes(String(replicaPort)) || null;
    },
    readyTimeoutMs,
  );
  return {
    address: `127.0.0.1:${port}`,
    master,
    masterPort,
    replica,
    replicaPort,
    currentPort: async () => Number((await ask('get-master-addr-by-name')).split('\n')[1]),
    dispose: async () => {
      const ended = once(sentinel, 'exit');
      kill();
      await ended;
      process.off('exit', kill);
      await Promise.all([master.dispose(), replica.dispose()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
