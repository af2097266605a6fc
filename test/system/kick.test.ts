// Disconnecting peers with real workers, primaries and Redis: from any worker and host, acknowledged within a second,
// and what is said where nobody can acknowledge it.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { z } from 'zod';
import type { LocalServer } from '#src/cli/local-server.js';
import { peerRecordSchema, type PeerRecord } from '#src/connections/record.js';
import { eventually } from '../support/deadline.js';
import { signalTo } from '../support/processes.js';
import { startRedisProxy, type RedisProxy } from '../support/redis-proxy.js';
import { startRedisServer, type RedisServer } from '../support/redis-server.js';
import { askFolder, folder, item, reply, request } from '../support/replies.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';
import { readStream } from '../connections/views.js';

/** Within which a kick has to be answered; a machine with other things to do may add to it. */
const limitMs = 1_000;
const slackMs = 2_000;

const listReply = z.object({ response_data: z.array(z.object({ result: z.unknown() })) });
const kickedReply = (...ids: string[]) => reply(0x43, ...ids.map((id) => item(id, 2, 0)));
const lost = (id: string, why: string) =>
  reply(0x43, `{"file_name": "${id}", "result": 1, "error_code": 9, "message": "${why}"}`);

async function peersOf(wire: Wire): Promise<readonly PeerRecord[]> {
  const { response_data } = listReply.parse(JSON.parse(await wire.ask(request(0x40, null))));
  // Where a list does not reach all hosts its last item says so instead.
  return response_data.flatMap(({ result }) => peerRecordSchema.safeParse(result).data ?? []);
}

interface Client {
  readonly wire: Wire;
  readonly peer: PeerRecord;
}

/** Opens so many connections; each with its record. */
async function openClients(port: number, count: number): Promise<Client[]> {
  const openedAt = Date.now();
  const wires = await Promise.all(Array.from({ length: count }, () => Wire.open(port)));
  for (const wire of wires) assert.equal(await wire.ask(askFolder), folder);
  const [first = assert.fail('one at least')] = wires;
  return eventually('all are listed', async () => {
    const peers = await peersOf(first);
    const clients = wires.flatMap((wire) => {
      // One that has closed may be listed for a moment, and its port be used again.
      const peer = peers.find((each) => each.port === wire.socket.localPort && each.connected_at >= openedAt);
      return peer === undefined ? [] : [{ wire, peer }];
    });
    return clients.length === count ? clients : null;
  });
}

/** The answer to a kick, and how long it took. */
async function kick(wire: Wire, ...ids: string[]): Promise<string> {
  const began = performance.now();
  const answer = await wire.ask(request(0x42, ids));
  const tookMs = performance.now() - began;
  assert.ok(tookMs < limitMs + slackMs, `answered after ${tookMs} ms`);
  return answer;
}

for (const store of ['embedded', 'redis', 'none'] as const) {
  describe(`with two workers and the store "${store}"`, () => {
    let redis: RedisServer | null = null;
    let server: LocalServer;

    before(async () => {
      if (store === 'redis') redis = await startRedisServer();
      server = await startServer(
        null,
        ...['--cluster.workers', '2', '--cluster.host_id', 'line-1'],
        ...['--connections.flush_interval_ms', '50', '--connections.heartbeat_interval_ms', '200'],
        ...(redis === null ? ['--connections.store', store] : ['--connections.redis.url', redis.url]),
      );
    });
    after(async () => {
      assert.equal(await server.stop(), 0);
      assert.equal(server.errors, '');
      await redis?.dispose();
    });

    if (store === 'none') {
      test('who is named in the log can be disconnected, though nobody is listed', async () => {
        const [asking, target] = [await Wire.open(server.port), await Wire.open(server.port)];
        const { peer } = await server.line(
          ({ msg, port }) => msg === 'connected' && port === target.socket.localPort,
        );
        assert.equal(await kick(asking, String(peer)), kickedReply(String(peer)));
        await target.closed();
        asking.close();
      });
      return;
    }

    test('everybody is disconnected from everywhere, and the view tells by whom', async () => {
      const clients = await openClients(server.port, 8);
      const workers = [...new Set(clients.map(({ peer }) => peer.worker))];
      assert.equal(workers.length, 2);
      const of = (worker = '') => clients.filter(({ peer }) => peer.worker === worker);
      const askers = workers.map((worker) => of(worker).shift() ?? assert.fail());
      for (const [index, asker] of askers.entries()) {
        const targets = workers.map((worker) => of(worker)[index + 1] ?? assert.fail());
        const ids = targets.map(({ peer }) => peer.id);
        assert.equal(await kick(asker.wire, ...ids), kickedReply(...ids));
        for (const { wire } of targets) await wire.closed();
        assert.equal(await kick(asker.wire, ...ids), reply(0x43, ...ids.map((id) => item(id, 1, 2))));
        await eventually('the view has lost them', async () => {
          const left = await peersOf(asker.wire);
          return left.some(({ id }) => ids.includes(id)) ? null : true;
        });
        for (const id of ids) {
          const line = await server.line(({ msg, peer }) => msg === 'kicked' && peer === id);
          assert.equal(line['by'], '127.0.0.1');
          const end = await server.line(({ msg, peer }) => msg === 'disconnected' && peer === id);
          assert.equal(end['reason'], 'kicked by 127.0.0.1');
          if (redis !== null) await assertTold(redis, id);
        }
      }
      for (const { wire } of clients) wire.close();
    });

    test('each id is answered, in order, twice where it is named twice', async () => {
      const [asking, target] = await openClients(server.port, 2);
      assert.ok(asking && target);
      const { id } = target.peer;
      assert.equal(
        await kick(asking.wire, 'line-1/9.none.1', id, 'line-2/1.a.1', 'nonsense', id),
        reply(
          0x43,
          item('line-1/9.none.1', 1, 2),
          item(id, 2, 0),
          '{"file_name": "line-2/1.a.1", "result": 1, "error_code": 9, "message": "owner unreachable"}',
          item('nonsense', 1, 2),
          item(id, 2, 0),
        ),
      );
      for (const { wire } of [asking, target]) wire.close();
    });

    test('a peer may disconnect itself', async () => {
      const [client] = await openClients(server.port, 1);
      assert.ok(client);
      client.wire.send(request(0x42, [client.peer.id]));
      await client.wire.closed();
      const end = await server.line(({ msg, peer }) => msg === 'disconnected' && peer === client.peer.id);
      assert.equal(end['reason'], 'kicked by 127.0.0.1');
      client.wire.close();
    });

    test('what a disconnected peer has asked for is dropped', async () => {
      const [asking, target] = await openClients(server.port, 2);
      assert.ok(asking && target);
      target.wire.send(request(1, Array(200).fill('normal-01.jpg')));
      await eventually('its images are judged', async () => {
        const peers = await peersOf(asking.wire);
        return peers.some(({ id, in_flight }) => id === target.peer.id && in_flight > 0) ? true : null;
      });
      assert.equal(await kick(asking.wire, target.peer.id), kickedReply(target.peer.id));
      await target.wire.closed();
      assert.equal(target.wire.received, '');
      await eventually('nothing is queued', async () =>
        (await asking.wire.ask(request(0x44, null))).includes('"queued": 0, "in_flight": 0, "images_per')
          ? true
          : null,
      );
      for (const { wire } of [asking, target]) wire.close();
    });

    test('whom a worker holds that hangs is not acknowledged, and not disconnected later', async (t) => {
      const clients = await openClients(server.port, 4);
      const [asking] = clients;
      const target = clients.find(({ peer }) => peer.worker !== asking?.peer.worker);
      assert.ok(asking && target);
      const pid = await pidOf(asking.wire, target.peer.worker);
      t.after(() => {
        signalTo(pid, 'SIGCONT');
      });
      signalTo(pid, 'SIGSTOP');
      assert.equal(await kick(asking.wire, target.peer.id), lost(target.peer.id, 'no answer'));
      signalTo(pid, 'SIGCONT');
      assert.equal(await target.wire.ask(askFolder), folder);
      for (const { wire } of clients) wire.close();
    });

    test('a primary that hangs acknowledges nothing, and does nothing later', async (t) => {
      const [asking, target] = await openClients(server.port, 2);
      assert.ok(asking && target);
      t.after(() => {
        signalTo(server.pid, 'SIGCONT');
      });
      signalTo(server.pid, 'SIGSTOP');
      assert.equal(await kick(asking.wire, target.peer.id), lost(target.peer.id, 'no answer'));
      signalTo(server.pid, 'SIGCONT');
      const others = await openClients(server.port, 1);
      assert.equal(await target.wire.ask(askFolder), folder);
      for (const { wire } of [asking, target, ...others]) wire.close();
    });
  });
}

/** In Redis: the last record with the reason, and the events. */
async function assertTold(redis: RedisServer, id: string): Promise<void> {
  const closed = await eventually('its last record is kept', async () => {
    const rows = await readStream(redis, 'pear:closed');
    return rows.find((row) => row['id'] === id) ?? null;
  });
  assert.equal(closed['reason'], 'kicked by 127.0.0.1');
  const printed = await redis.cli('XRANGE', 'pear:events', '-', '+');
  assert.match(printed, /kicked/);
}

/** The process of a worker. */
async function pidOf(wire: Wire, worker: string): Promise<number> {
  const status = await wire.ask(request(0x44, null));
  const [, pid] = new RegExp(`"worker": "${worker}", "pid": (\\d+)`).exec(status) ?? [];
  return Number(pid);
}

describe('with two hosts and one Redis', () => {
  let redis: RedisServer;
  let proxy: RedisProxy;
  let one: LocalServer;
  let two: LocalServer;
  let wires: Wire[];

  const startHost = (hostId: string, url: string) =>
    startServer(
      null,
      ...['--cluster.workers', '1', '--cluster.host_id', hostId, '--connections.redis.url', url],
      ...['--connections.flush_interval_ms', '50', '--connections.heartbeat_interval_ms', '200'],
      ...['--connections.redis.command_timeout_ms', '1000'],
    );
  const listens = (hostId: string, count: 0 | 1) =>
    eventually(`${count} listen for ${hostId}`, async () => {
      const counts = await redis.cli('PUBSUB', 'NUMSUB', `pear:control:${hostId}`);
      return counts.endsWith(`\n${count}`) ? true : null;
    });
  /** A connection to the first host, and so many to the second. */
  const setUp = async (count: number) => {
    await Promise.all([listens('line-1', 1), listens('line-2', 1)]);
    const asking = await Wire.open(one.port);
    const targets = await openClients(two.port, count);
    wires.push(asking, ...targets.map(({ wire }) => wire));
    return { asking, targets };
  };
  const kickedInTheEnd = (asking: Wire, id: string) =>
    eventually('line-2 is reached again', async () =>
      (await kick(asking, id)) === kickedReply(id) ? true : null,
    );

  before(async () => {
    redis = await startRedisServer();
    proxy = await startRedisProxy(redis.socketPath);
    [one, two] = await Promise.all([startHost('line-1', redis.url), startHost('line-2', proxy.url)]);
  });
  after(async () => {
    two.kill();
    assert.equal(await one.stop(), 0);
    proxy.dispose();
    await redis.dispose();
  });
  beforeEach(() => {
    wires = [];
  });
  afterEach(() => {
    for (const wire of wires) wire.close();
  });

  test('a kick goes across hosts, before and after Redis was restarted', async () => {
    const { asking, targets } = await setUp(2);
    const [first, second] = targets;
    assert.ok(first && second);
    assert.equal(await kick(asking, first.peer.id), kickedReply(first.peer.id));
    await first.wire.closed();
    const line = await two.line(({ msg, peer }) => msg === 'kicked' && peer === first.peer.id);
    assert.equal(line['by'], '127.0.0.1');
    await assertTold(redis, first.peer.id);
    await redis.restart();
    await kickedInTheEnd(asking, second.peer.id);
    await second.wire.closed();
  });

  test('a primary that hangs is said to give no answer, and does nothing later', async (t) => {
    const { asking, targets } = await setUp(1);
    const [target] = targets;
    assert.ok(target);
    t.after(() => {
      signalTo(two.pid, 'SIGCONT');
    });
    signalTo(two.pid, 'SIGSTOP');
    assert.equal(await kick(asking, target.peer.id), lost(target.peer.id, 'no answer'));
    signalTo(two.pid, 'SIGCONT');
    await two.line(({ msg }) => msg.includes('waits no more'));
    assert.equal(await target.wire.ask(askFolder), folder);
    await kickedInTheEnd(asking, target.peer.id);
  });

  test('a channel that is dead, and nobody was told, comes to life again', async () => {
    const { asking, targets } = await setUp(1);
    const [target] = targets;
    assert.ok(target);
    proxy.forget(':primary:control');
    assert.equal(await kick(asking, target.peer.id), lost(target.peer.id, 'no answer'));
    await kickedInTheEnd(asking, target.peer.id);
    await target.wire.closed();
    await two.line(({ msg }) => msg.startsWith('nothing comes through the channel'));
    await two.line(({ msg }) => msg === 'other hosts can reach this one again');
  });

  test('a primary that was killed is said to be unreachable', async () => {
    const { asking, targets } = await setUp(1);
    const [target] = targets;
    assert.ok(target);
    two.kill();
    await two.exited;
    await listens('line-2', 0);
    assert.equal(await kick(asking, target.peer.id), lost(target.peer.id, 'owner unreachable'));
  });
});
