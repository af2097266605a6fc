// The view of many connections over many hosts in a real Redis: how long the first page of a list takes, a look-up by id,
// and a worker's heartbeat. The hosts are simulated: each is a worker's store that has written its records.
import { performance } from 'node:perf_hooks';
import { configSchema } from '../../config/schema.js';
import { chooseStore, type RedisSettings } from '../../connections/choose-store.js';
import type { PeerRecord, WorkerRecord } from '../../connections/record.js';
import { RedisStore } from '../../connections/redis/store.js';
import { RedisProcess } from './redis-process.js';
import { seededRandom } from './random.js';
import { latenciesOf, type Latencies } from './statistics.js';
import type { Workbench } from './workbench.js';

const hosts = 8;
/** Of a worker, for its heartbeat; those of the hosts have an eighth of all records. */
const smallWorkers = [1_000, 10_000] as const;
const pageRecords = 100;
const measurements = 200;
const warmUps = 20;

/** Nobody renews the leases of the simulated workers meanwhile. */
const leaseMs = 600_000;

export interface RecordsReport {
  readonly records: number;
  readonly hosts: number;
  readonly firstPage: Latencies;
  readonly lookUp: Latencies;
  readonly heartbeats: readonly { readonly peers: number; readonly latencies: Latencies }[];
}

/** Or the reason why it cannot be measured here. */
export type Records = RecordsReport | { readonly skipped: string };

export async function measureRecords(bench: Workbench): Promise<Records> {
  const redis = await bench.startRedis();
  if (!(redis instanceof RedisProcess)) return { skipped: redis };
  const settings = settingsFor(redis.url);
  const stores: RedisStore[] = [];
  try {
    const perHost = Math.ceil(bench.options.records / hosts);
    const heartbeats: { peers: number; latencies: Latencies }[] = [];
    for (const peers of smallWorkers) {
      const written = await write(settings, 'small', peers);
      stores.push(written.store);
      heartbeats.push({ peers, latencies: await heartbeatsOf(written) });
      await written.store.close();
    }
    let last: Written | null = null;
    for (let host = 1; host <= hosts; host++) {
      last = await write(settings, `host-${host}`, perHost);
      stores.push(last.store);
    }
    if (last === null) throw new Error('there are no hosts');
    heartbeats.push({ peers: perHost, latencies: await heartbeatsOf(last) });
    const { store } = last;
    const random = seededRandom(bench.options.seed);
    const anyId = () => idOf(`host-${1 + Math.floor(random() * hosts)}`, Math.floor(random() * perHost));
    return {
      records: perHost * hosts,
      hosts,
      firstPage: await timesOf(async () => {
        const { peers } = await store.list({ filter: {}, limit: pageRecords, cursor: null });
        if (peers.length !== Math.min(pageRecords, perHost * hosts)) throw new Error('the page is not full');
      }),
      lookUp: await timesOf(async () => {
        const found = await store.find([anyId()]);
        if (found.length !== 1) throw new Error('a record is missing');
      }),
      heartbeats,
    };
  } finally {
    await Promise.all(stores.map((store) => store.close()));
  }
}

interface Written {
  readonly store: RedisStore;
  readonly worker: WorkerRecord;
}

async function write(settings: RedisSettings, host: string, peers: number): Promise<Written> {
  const store = new RedisStore(settings, () => undefined);
  const worker = workerOf(host, peers);
  await store.open(worker);
  await store.resync(
    worker,
    Array.from({ length: peers }, (_, index) => recordOf(worker, index)),
  );
  return { store, worker };
}

function heartbeatsOf({ store, worker }: Written): Promise<Latencies> {
  return timesOf(async () => {
    if ((await store.heartbeat(worker, worker.peers)) !== 'ok') throw new Error('records are missing');
  });
}

async function timesOf(work: () => Promise<void>): Promise<Latencies> {
  const times: number[] = [];
  for (let index = -warmUps; index < measurements; index++) {
    const start = performance.now();
    await work();
    if (index >= 0) times.push(performance.now() - start);
  }
  return latenciesOf(times);
}

function settingsFor(url: string): RedisSettings {
  const choice = chooseStore(
    configSchema.parse({ connections: { store: 'redis', redis: { url, key_prefix: 'bench:' } } }),
  );
  if (choice.kind !== 'redis') throw new Error('the store is not in Redis');
  return { ...choice.redis, leaseMs, keyTtlMs: leaseMs };
}

function workerOf(host: string, peers: number): WorkerRecord {
  return {
    worker: `${host}:1:0a1b2c3d`,
    host,
    pid: 1,
    state: 'serving',
    started_at: Date.now(),
    version: '0.0.0',
    model: 'pear-starter.onnx',
    peers,
    queued: 0,
    in_flight: 0,
    requests: 0,
    images: 0,
    images_per_second: 0,
    helped: 0,
    errors: 0,
    bytes_in: 0,
    bytes_out: 0,
  };
}

function idOf(host: string, index: number): string {
  return `${host}/1.0a1b2c3d.${index + 1}`;
}

function recordOf({ host, worker }: WorkerRecord, index: number): PeerRecord {
  const now = Date.now();
  return {
    id: idOf(host, index),
    host,
    worker,
    address: `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`,
    port: 1_024 + (index % 60_000),
    tls: false,
    identity: null,
    role: 'operator',
    state: 'active',
    connected_at: now,
    last_activity_at: now,
    requests: index,
    images: index * 4,
    errors: 0,
    in_flight: 0,
    bytes_in: index * 1_000,
    bytes_out: index * 100,
    last_latency_ms: 23.5,
    last_result: 1,
  };
}
