// Hosts that share one Redis, each behind a line of its own that can be cut, and what may happen to them.
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { LocalServer } from '#src/cli/local-server.js';
import type { Random } from '../fuzz/random.js';
import { eventually } from '../support/deadline.js';
import { signalTo } from '../support/processes.js';
import { startRedisServer, type RedisServer } from '../support/redis-server.js';
import { startServer } from '../support/server.js';
import { Relay } from './relay.js';
import type { Place } from './truth.js';

/** Short, so that many rounds fit into minutes. */
export const times = { heartbeatMs: 1_000, leaseMs: 5_000, keyTtlMs: 20_000, commandTimeoutMs: 500 } as const;

const workersPerHost = 2;
/** Longer than a call to Redis may take, so that every worker notices. */
const outageMs = 1_500;
/** Every lease has run out meanwhile. */
const longOutageMs = times.leaseMs + times.heartbeatMs;
/** Nobody is removed before Redis has taken writes for so long. */
const graceMs = times.leaseMs + 2 * times.heartbeatMs;
/** Then everybody looks once more. */
export const removalMs = graceMs + times.heartbeatMs;
/** More than close in one round, and what redis-cli may print. */
const closedRowsMax = 1_000;

const closedReply = z.array(z.tuple([z.string(), z.array(z.string())]));

interface Host extends Place {
  port: number;
  server: LocalServer | null;
  /** To Redis; null: there is none. */
  readonly line: Relay | null;
}

export type Store = 'redis' | 'embedded';

export class World {
  readonly #store: Store;
  readonly #redis: RedisServer | null;
  readonly #hosts: Host[] = [];
  /** Those who live and stand in the history all the same: nobody could hear of their host for longer than a lease. */
  readonly #thoughtLost = new Set<string>();

  private constructor(store: Store, redis: RedisServer | null) {
    this.#store = store;
    this.#redis = redis;
  }

  /** With Redis two hosts share the view; without, there is one. */
  static async create(store: Store): Promise<World> {
    const redis = store === 'redis' ? await startRedisServer() : null;
    const world = new World(store, redis);
    try {
      for (const hostId of store === 'redis' ? ['north', 'south'] : ['alone']) {
        const line = redis === null ? null : await Relay.open(redis.socketPath);
        const host: Host = { hostId, port: 0, server: null, line };
        world.#hosts.push(host);
        host.server = await world.#start(host);
        host.port = host.server.port;
      }
    } catch (error) {
      await world.close();
      throw error;
    }
    return world;
  }

  get places(): readonly Place[] {
    return this.#hosts;
  }

  /** Of the hosts that serve. */
  get ports(): readonly number[] {
    return this.#hosts.filter(({ server }) => server !== null).map(({ port }) => port);
  }

  /** What may happen here, by name; each resolves when it is over and what was ended has been started again. */
  faults(random: Random): ReadonlyMap<string, () => Promise<void>> {
    const host = () => random.pick(this.#hosts);
    const everywhere: [string, () => Promise<void>][] = [
      [
        'worker killed',
        () => {
          this.#killWorker(host(), random);
          return Promise.resolve();
        },
      ],
      ['primary killed and restarted', () => this.#restart(host())],
    ];
    const redis = this.#redis;
    if (redis === null) return new Map(everywhere);
    return new Map([
      ...everywhere,
      ['Redis killed and restarted', () => redis.restart()],
      [
        'Redis flushed',
        async () => {
          await redis.cli('FLUSHALL');
        },
      ],
      [
        'Redis paused',
        async () => {
          await redis.cli('CLIENT', 'PAUSE', String(outageMs));
          await wait(outageMs);
        },
      ],
      [
        'worker killed beyond a cut line',
        async () => {
          await this.#cut(this.#hosts, outageMs, () => {
            this.#killWorker(host(), random);
          });
        },
      ],
      [
        'line to Redis cut',
        async () => {
          await this.#cut(this.#hosts, outageMs);
        },
      ],
      [
        'line of one host to Redis cut',
        async () => {
          await this.#cut([host()], outageMs);
        },
      ],
      [
        'line of one host to Redis cut beyond the lease',
        async () => {
          await this.#cut([host()], longOutageMs);
          for (const { id, reason } of await this.#closed()) {
            if (reason === 'host lost') this.#thoughtLost.add(id);
          }
        },
      ],
      [
        'Redis without memory beyond the lease',
        async () => {
          await this.#isSteady(redis);
          await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
          await wait(longOutageMs);
          await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
          await wait(removalMs);
        },
      ],
      [
        'writes to Redis paused beyond the lease',
        async () => {
          await this.#isSteady(redis);
          await redis.cli('CLIENT', 'PAUSE', String(longOutageMs), 'WRITE');
          await wait(longOutageMs + removalMs);
        },
      ],
      [
        'line to Redis cut beyond the lease',
        async () => {
          await this.#cut(this.#hosts, longOutageMs);
        },
      ],
    ]);
  }

  /** The ids of the peers that closed last, as the history in Redis has them; none where there is no Redis. */
  async closedIds(): Promise<ReadonlySet<string>> {
    const ids = (await this.#closed()).map(({ id }) => id);
    return new Set(ids.filter((id) => !this.#thoughtLost.has(id)));
  }

  /** The same, those included who were thought lost. */
  async recordedIds(): Promise<ReadonlySet<string>> {
    return new Set((await this.#closed()).map(({ id }) => id));
  }

  async close(): Promise<void> {
    for (const { server } of this.#hosts) await server?.stop();
    for (const { line } of this.#hosts) line?.close();
    await this.#redis?.dispose();
  }

  /** Redis has taken writes for long enough, so that whoever falls silent from now on may be removed. */
  async #isSteady(redis: RedisServer): Promise<void> {
    await eventually('Redis takes writes', async () => {
      const [last, since] = (await redis.cli('HMGET', `pear:steady:${times.leaseMs}`, 'last', 'since'))
        .split('\n')
        .map(Number);
      return (last ?? NaN) - (since ?? NaN) > graceMs ? true : null;
    });
  }

  async #closed(): Promise<readonly { readonly id: string; readonly reason: string }[]> {
    if (this.#redis === null) return [];
    const count = String(closedRowsMax);
    const printed = await this.#redis.cli('--json', 'XREVRANGE', 'pear:closed', '+', '-', 'COUNT', count);
    return closedReply.parse(JSON.parse(printed)).map(([, fields]) => {
      const column = (name: string) => fields[fields.indexOf(name) + 1] ?? '';
      return { id: column('id'), reason: column('reason') };
    });
  }

  /** Cuts the lines of these hosts; once all are cut, `meanwhile` happens. */
  async #cut(hosts: readonly Host[], forMs: number, meanwhile: () => void = () => undefined): Promise<void> {
    for (const { line } of hosts) line?.cut();
    meanwhile();
    await wait(forMs);
    for (const { line } of hosts) line?.mend();
  }

  #killWorker({ server }: Host, random: Random): void {
    const pids = server === null ? [] : childrenOf(server.pid);
    if (pids.length > 0) signalTo(random.pick(pids), 'SIGKILL');
  }

  async #restart(host: Host): Promise<void> {
    const { server } = host;
    host.server = null;
    server?.kill();
    await server?.exited;
    host.server = await this.#start(host);
  }

  #start({ hostId, port, line }: Host): Promise<LocalServer> {
    const redis = line === null ? [] : ['--connections.redis.url', `redis://127.0.0.1:${line.port}`];
    return startServer(
      null,
      ...['--server.port', String(port), '--cluster.host_id', hostId],
      ...['--cluster.workers', String(workersPerHost), '--cluster.orphan_timeout_ms', '1000'],
      ...['--connections.store', this.#store, ...redis],
      ...['--connections.heartbeat_interval_ms', String(times.heartbeatMs)],
      ...['--connections.lease_ms', String(times.leaseMs)],
      ...['--connections.key_ttl_ms', String(times.keyTtlMs)],
      ...['--connections.redis.command_timeout_ms', String(times.commandTimeoutMs)],
    );
  }
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}
