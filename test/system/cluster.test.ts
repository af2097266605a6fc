// Two workers, one port, one view: how connections are spread, shown, and what the others notice when a worker dies.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import type { LocalServer } from '#src/cli/local-server.js';
import { usableCores } from '#src/cluster/cores.js';
import { peerRecordSchema, type PeerRecord } from '#src/connections/record.js';
import { eventually } from '../support/deadline.js';
import { signalTo } from '../support/processes.js';
import { startRedisServer, type RedisServer } from '../support/redis-server.js';
import { Wire } from '../support/wire.js';
import { askFolder, item, reply, request } from '../support/replies.js';
import { startServer } from '../support/server.js';

const clients = 8;
const list = '{"cmd": 0x40, "request_data": null}';
const listReply = z.object({ response_data: z.array(z.object({ result: peerRecordSchema })) });
const statusReply = z.object({
  response_data: z.tuple([
    z.object({
      result: z.object({
        store: z.string(),
        hosts: z.array(
          z.object({ workers: z.array(z.object({ worker: z.string(), pid: z.int(), state: z.string() })) }),
        ),
      }),
    }),
  ]),
});

async function peersOf(wire: Wire): Promise<PeerRecord[]> {
  return listReply.parse(JSON.parse(await wire.ask(list))).response_data.map(({ result }) => result);
}

async function workersOf(wire: Wire) {
  const [{ result }] = statusReply.parse(
    JSON.parse(await wire.ask('{"cmd": 0x44, "request_data": null}')),
  ).response_data;
  return { store: result.store, workers: result.hosts.flatMap(({ workers }) => workers) };
}

/** How many of `items` have each value of `key`. */
function countBy<T>(items: readonly T[], key: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}

const localPort = (wire: Wire) => wire.socket.localPort ?? 0;

for (const store of ['embedded', 'redis'] as const) {
  describe(`two workers with the ${store} store`, () => {
    let redis: RedisServer | null = null;
    let server: LocalServer;
    let wires: Wire[] = [];

    before(async () => {
      if (store === 'redis') redis = await startRedisServer();
      server = await startServer(
        null,
        ...['--cluster.workers', '2', '--cluster.host_id', 'line-1', '--connections.flush_interval_ms', '50'],
        ...['--connections.heartbeat_interval_ms', '500', '--connections.lease_ms', '20000'],
        ...(redis === null ? [] : ['--connections.store', 'auto', '--connections.redis.url', redis.url]),
      );
    });
    after(async () => {
      for (const wire of wires) wire.close();
      assert.equal(await server.stop(), 0);
      await redis?.dispose();
    });

    /** The view as `wire` is shown it, once it holds exactly these connections. */
    function viewOf(wire: Wire, expected: readonly Wire[]): Promise<PeerRecord[]> {
      return eventually('the view shows every connection and no other', async () => {
        const peers = await peersOf(wire);
        const ports = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b).join();
        return ports(peers.map(({ port }) => port)) === ports(expected.map(localPort)) ? peers : null;
      });
    }

    test('spread eight connections opened at once over both, and show all eight', async () => {
      wires = await Promise.all(Array.from({ length: clients }, () => Wire.open(server.port)));
      const [first] = wires;
      assert.ok(first !== undefined);
      const peers = await viewOf(first, wires);
      assert.equal(countBy(peers, ({ worker }) => worker).size, 2, 'both workers have some');
      assert.ok(
        peers.every(
          ({ id, host, address }) => id.startsWith('line-1/') && host === 'line-1' && address === '127.0.0.1',
        ),
      );
      assert.equal((await workersOf(first)).store, store);
      for (const wire of wires)
        assert.equal((await peersOf(wire)).length, clients, 'every worker shows the same');
    });

    test('show what a connection has done', async () => {
      const [first] = wires;
      assert.ok(first !== undefined);
      await first.ask('{"cmd": 1, "request_data": ["defective-01.jpg", "missing.jpg"]}');
      const record = await eventually('the images are counted', async () => {
        const mine = (await peersOf(first)).find(({ port }) => port === localPort(first));
        return mine?.images === 2 ? mine : null;
      });
      assert.equal(record.last_result, 0);
      assert.equal(record.errors, 1);
      assert.equal(record.in_flight, 0);
      assert.ok(record.bytes_in > 0 && record.bytes_out > 0 && (record.last_latency_ms ?? 0) > 0);
    });

    if (store === 'redis') {
      test('are seen by plain Redis commands', async () => {
        assert.ok(redis !== null);
        const workers = (await redis.cli('zrange', 'pear:workers', '0', '-1')).split('\n');
        let peers = 0;
        for (const worker of workers) peers += Number(await redis.cli('hlen', `pear:peers:${worker}`));
        assert.deepEqual([workers.length, peers], [2, clients]);
      });
    }

    test('one killed: its records go, a new one comes, and the connections of the other never notice', async () => {
      const [first] = wires;
      assert.ok(first !== undefined);
      const peers = await peersOf(first);
      const mine = peers.find(({ port }) => port === localPort(first))?.worker;
      const { workers } = await workersOf(first);
      const victim = workers.find(({ worker }) => worker !== mine);
      assert.ok(victim !== undefined);
      const victims = new Set(peers.filter(({ worker }) => worker === victim.worker).map(({ port }) => port));
      const lost = wires.filter((wire) => victims.has(localPort(wire)));
      const kept = wires.filter((wire) => !victims.has(localPort(wire)));
      assert.equal(lost.length + kept.length, clients);
      assert.ok(lost.length > 0 && kept.length > 0);

      // The others have work under way while it happens.
      const images = JSON.stringify({ cmd: 1, request_data: Array(20).fill('normal-01.jpg') });
      const answers = kept.map((wire) => wire.ask(images));
      signalTo(victim.pid, 'SIGKILL');
      await Promise.all(lost.map((wire) => wire.closed()));
      for (const answer of await Promise.all(answers)) {
        assert.equal([...answer.matchAll(/"result": 1, "error_code": 0/g)].length, 20);
      }
      await viewOf(first, kept);
      await eventually('a new worker serves', async () => {
        const now = (await workersOf(first)).workers;
        const serving = now.filter(({ state }) => state === 'serving');
        return serving.length === 2 && serving.every(({ pid }) => pid !== victim.pid) ? true : null;
      });

      // New connections reach the new worker too.
      const fresh = await Promise.all(Array.from({ length: 4 }, () => Wire.open(server.port)));
      wires = [...kept, ...fresh];
      const spread = countBy(await viewOf(first, wires), ({ worker }) => worker);
      assert.equal(spread.size, 2);
      for (const wire of wires) assert.match(await wire.ask(askFolder), /models\/samples/);
    });

    test('closed connections leave the view', async () => {
      const [first, ...others] = wires;
      assert.ok(first !== undefined);
      for (const wire of others) wire.close();
      await viewOf(first, [first]);
    });

    if (store === 'redis') {
      test('fill the view again by themselves when Redis comes back empty, and serve all the while', async () => {
        const [first] = wires;
        assert.ok(first !== undefined && redis !== null);
        await redis.stop();
        assert.match(await first.ask(askFolder), /models\/samples/);
        await redis.start();
        await eventually('the view is whole again', async () => {
          const answer = listReply.safeParse(JSON.parse(await first.ask(list)));
          if (!answer.success) return null;
          return answer.data.response_data.some(({ result }) => result.port === localPort(first))
            ? true
            : null;
        });
      });
    }
  });
}

test('the primary loads neither the image library nor the inference runtime', async (t) => {
  const server = await startServer(t, '--cluster.workers', '1');
  const { readFile } = await import('node:fs/promises');
  const maps = await readFile(`/proc/${server.pid}/maps`, 'utf8');
  assert.doesNotMatch(maps, /libonnxruntime|libvips|sharp/);
  assert.equal(await server.stop(), 0);
});

test('workers that infer with several threads are fewer, and judge as the others do', async (context) => {
  const server = await startServer(context, '--model.threads', '2', '--model.memory_arena', 'false');
  assert.equal(server.workers, Math.max(1, Math.floor(usableCores() / 2)));
  await Wire.use(server.port, async (wire) => {
    const names = ['normal-01.jpg', 'defective-01.jpg', 'empty-01.jpg'];
    const items = [item('normal-01.jpg', 1, 0), item('defective-01.jpg', 0, 0), item('empty-01.jpg', -1, 0)];
    assert.equal(await wire.ask(request(1, names)), reply(2, ...items));
  });
  assert.equal(await server.stop(), 0);
});
