// What only the Redis store does: the keys as redis-cli shows them, leases and TTLs, pages over large hashes.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { peerRecordSchema } from '#src/connections/record.js';
import { RedisConnection } from '#src/connections/redis/connection.js';
import { redisKeys } from '#src/connections/redis/keys.js';
import { removeWorkers } from '#src/connections/redis/removal.js';
import { putPeers } from '#src/connections/redis/scripts.js';
import { RedisReaper } from '#src/connections/redis/reaper.js';
import { RedisStore } from '#src/connections/redis/store.js';
import type { RedisSettings } from '#src/connections/choose-store.js';
import { startRedisServer, type RedisServer } from '../../support/redis-server.js';
import { byId, closedPeer, listAll, peerEvent, peerRecord, peerRecords, workerRecord } from '../records.js';
import { until } from '../until.js';
import { readStream, redisSettings } from '../views.js';

const one = 'pear-host:0:aaaa';
const two = 'pear-host:1:bbbb';
const far = 'other-host:0:cccc';

describe('the Redis store', () => {
  let server: RedisServer;
  let settings: RedisSettings;
  let opened: (RedisStore | RedisReaper)[];
  const troubles: string[] = [];

  const open = async (workerId: string, changes: Partial<RedisSettings> = {}) => {
    const store = new RedisStore({ ...settings, ...changes }, (message) => troubles.push(message));
    opened.push(store);
    await store.open(workerRecord(workerId));
    return store;
  };
  /** Keys with their types, ordered, the prefix left out. */
  const keys = async () => {
    const names = (await server.cli('KEYS', `${settings.keyPrefix}*`))
      .split('\n')
      .filter((name) => name !== '');
    const types = await Promise.all(names.map((name) => server.cli('TYPE', name)));
    return names
      .map((name, index) => `${name.slice(settings.keyPrefix.length)} ${types[index] ?? ''}`)
      .sort();
  };
  const ttl = async (key: string) => Number(await server.cli('PTTL', settings.keyPrefix + key));

  before(async () => {
    server = await startRedisServer();
  });
  after(async () => {
    await server.dispose();
  });
  beforeEach(() => {
    settings = { ...redisSettings(server), keyPrefix: `pear-${randomUUID()}:` };
    opened = [];
    troubles.length = 0;
  });
  afterEach(async () => {
    await Promise.all(opened.map((store) => store.close()));
  });

  describe('writes keys that redis-cli can read', () => {
    it('a worker is a member of the directory, scored with the time of Redis, and a hash', async () => {
      const store = await open(one);
      await store.heartbeat(workerRecord(one, { requests: 12, images_per_second: 2.5 }), 0);
      assert.deepEqual(await keys(), ['events stream', `worker:${one} hash`, 'workers zset']);
      const score = Number(await server.cli('ZSCORE', `${settings.keyPrefix}workers`, one));
      const [seconds] = (await server.cli('TIME')).split('\n');
      assert.ok(Math.abs(score - Number(seconds) * 1000) < 5_000, `score ${score}`);
      const hash = await server.cli(
        'HMGET',
        `${settings.keyPrefix}worker:${one}`,
        'host',
        'state',
        'requests',
      );
      assert.equal(hash, 'pear-host\nserving\n12');
      assert.equal(
        await server.cli('HGET', `${settings.keyPrefix}worker:${one}`, 'images_per_second'),
        '2.5',
      );
    });

    it('a worker of a version that does not tell all of its counts is listed all the same', async () => {
      const store = await open(one);
      await store.heartbeat(workerRecord(one), 0);
      await server.cli('HDEL', `${settings.keyPrefix}worker:${one}`, 'helped', 'errors', 'bytes_in');
      assert.deepEqual(
        (await store.workers()).workers.map(({ record }) => [record.helped, record.errors, record.bytes_in]),
        [[0, 0, 0]],
      );
    });

    it('a peer is one JSON record in the hash of its worker', async () => {
      const store = await open(one);
      const peer = peerRecord(one, 1);
      await store.flush({ events: [], changed: [peer], closed: [] });
      assert.equal(await server.cli('TYPE', `${settings.keyPrefix}peers:${one}`), 'hash');
      const json = await server.cli('HGET', `${settings.keyPrefix}peers:${one}`, peer.id);
      assert.deepEqual(peerRecordSchema.parse(JSON.parse(json)), peer);
    });

    it('what is told of a peer is an entry with its own fields, beside those of workers', async () => {
      const store = await open(one);
      const [stays, goes, brief] = [peerRecord(one, 1), peerRecord(one, 2), peerRecord(one, 3)];
      await store.flush({
        events: [peerEvent(stays, { type: 'opened' }), peerEvent(goes, { type: 'opened' })],
        changed: [stays, goes],
        closed: [],
      });
      await store.flush({
        events: [peerEvent(goes, { type: 'closed', reason: 'reset' })],
        changed: [{ ...stays, requests: 1 }],
        closed: [closedPeer(goes, 'reset')],
      });
      await store.flush({
        events: [
          peerEvent(brief, { type: 'opened' }),
          peerEvent(brief, { type: 'closed', reason: 'client' }),
        ],
        changed: [],
        closed: [closedPeer(brief)],
      });
      await store.close();
      const events = await readStream(server, `${settings.keyPrefix}events`);
      assert.deepEqual(
        events.map(({ type, peer, reason }) => [type, peer, reason]),
        [
          ['worker up', undefined, undefined],
          ['opened', stays.id, undefined],
          ['opened', goes.id, undefined],
          ['closed', goes.id, 'reset'],
          ['opened', brief.id, undefined],
          ['closed', brief.id, 'client'],
          ['worker down', undefined, 'drain'],
        ],
      );
      assert.deepEqual(events[1], {
        type: 'opened',
        host: 'pear-host',
        worker: one,
        peer: stays.id,
        address: stays.address,
        port: String(stays.port),
        at: String(stays.connected_at),
      });
    });

    it('nothing but history is left when the last worker has closed', async () => {
      const store = await open(one);
      const peers = peerRecords(one, 3);
      await store.flush({ events: [], changed: peers, closed: [closedPeer(peerRecord(one, 4))] });
      await store.resync(workerRecord(one), peers);
      await store.close();
      assert.deepEqual(await keys(), ['closed stream', 'events stream']);
    });

    it('the streams are bounded', async () => {
      const store = await open(one);
      const peers = peerRecords(one, 10_500);
      await store.flush({ events: [], changed: [], closed: peers.map((peer) => closedPeer(peer)) });
      const length = Number(await server.cli('XLEN', `${settings.keyPrefix}closed`));
      assert.ok(length >= 10_000 && length < 10_500, `length ${length}`);
    });
  });

  it("gives the worker's keys their TTL at every write, also after it was lost", async () => {
    const store = await open(one);
    const peers = peerRecords(one, 2);
    const writes: [string, () => Promise<unknown>][] = [
      ['a flush that opens', () => store.flush({ events: [], changed: peers, closed: [] })],
      ['a flush that changes', () => store.flush({ events: [], changed: peers.slice(1), closed: [] })],
      [
        'a flush that closes',
        () =>
          store.flush({ events: [], changed: [], closed: peers.slice(1).map((peer) => closedPeer(peer)) }),
      ],
      ['a heartbeat', () => store.heartbeat(workerRecord(one), 1)],
      ['a resync', () => store.resync(workerRecord(one), peers)],
    ];
    for (const [name, write] of writes) {
      for (const key of [`worker:${one}`, `peers:${one}`])
        await server.cli('PERSIST', settings.keyPrefix + key);
      await write();
      for (const key of [`worker:${one}`, `peers:${one}`]) {
        const left = await ttl(key);
        assert.ok(
          left > settings.keyTtlMs - 10_000 && left <= settings.keyTtlMs,
          `${key} after ${name}: ${left}`,
        );
      }
    }
  });

  it('gives peers their TTL in the same step, so that a worker killed in between leaves none without', async () => {
    const hash = `${settings.keyPrefix}peers:${one}`;
    await server.cli('EVAL', putPeers, '1', hash, '5000', 'a', '{}', 'b', '{}');
    assert.equal(await server.cli('HLEN', hash), '2');
    assert.ok((await ttl(`peers:${one}`)) > 0);
  });

  it('leaves no ghost where a flush comes after the keys have expired', async () => {
    const [late, reader] = [await open(one, { keyTtlMs: 60 }), await open(two)];
    await late.flush({ events: [], changed: peerRecords(one, 2), closed: [] });
    await until('the keys have expired', async () => (await ttl(`worker:${one}`)) === -2);
    await server.cli('ZREM', `${settings.keyPrefix}workers`, one);
    await late.flush({ events: [], changed: [peerRecord(one, 1)], closed: [] });
    assert.deepEqual(await listAll(reader), []);
    await until('the late write has expired', async () => (await ttl(`peers:${one}`)) === -2);
  });

  it('asks for a resync where Redis holds an older state with the same count of peers', async () => {
    const store = await open(one);
    const peers = peerRecords(one, 2);
    await store.flush({ events: [], changed: peers, closed: [] });
    const epoch = await server.cli('HGET', `${settings.keyPrefix}worker:${one}`, 'epoch');
    await store.flush({ events: [], changed: [{ ...peerRecord(one, 1), requests: 7 }], closed: [] });
    assert.equal(await store.heartbeat(workerRecord(one), 2), 'ok');
    // What a failover to a replica that lagged would leave.
    await server.cli('HSET', `${settings.keyPrefix}worker:${one}`, 'epoch', epoch);
    assert.equal(await store.heartbeat(workerRecord(one), 2), 'resync');
  });

  it('keeps a flush that comes during a resync', async () => {
    const store = await open(one);
    const peers = peerRecords(one, 1_200);
    const late = peerRecord(one, 5_000);
    await Promise.all([
      store.resync(workerRecord(one), peers),
      store.flush({ events: [], changed: [late], closed: [] }),
    ]);
    assert.equal(await store.heartbeat(workerRecord(one), 1_201), 'ok');
    assert.deepEqual(byId(await listAll(store, { limit: 500 })), byId([...peers, late]));
  });

  describe('removes workers whose lease has run out', () => {
    it('as `host lost` where the whole host is silent, with at most 1,000 rows for all its workers', async () => {
      const reader = await open(far);
      for (const worker of [one, two]) {
        await (await open(worker)).flush({ events: [], changed: peerRecords(worker, 700), closed: [] });
      }
      await server.cli('ZADD', `${settings.keyPrefix}workers`, '1', one, '1', two);
      assert.deepEqual(await listAll(reader), []);
      const history = await readStream(server, `${settings.keyPrefix}closed`);
      const [dead, lost] = [
        new Set(history.map(({ id }) => id)),
        new Set(history.map(({ reason }) => reason)),
      ];
      assert.deepEqual([history.length, dead.size, [...lost]], [1_000, 1_000, ['host lost']]);
      const events = await readStream(server, `${settings.keyPrefix}events`);
      const downs = events.filter(({ type }) => type === 'worker down');
      assert.deepEqual(
        events.filter(({ type }) => type === 'host lost').map(({ host, peers }) => [host, peers]),
        [['pear-host', '1400']],
      );
      assert.deepEqual(
        downs.map(({ worker, host, reason, peers }) => [worker, host, reason, peers]),
        [one, two].map((worker) => [worker, 'pear-host', 'host lost', '700']),
      );
      assert.deepEqual(await keys(), [
        'closed stream',
        'events stream',
        'steady:60000 hash',
        `worker:${far} hash`,
        'workers zset',
      ]);
    });

    it('all workers of a lost host together, though their leases end one after the other', async () => {
      const reader = await open(far);
      for (const worker of [one, two]) {
        await (await open(worker)).flush({ events: [], changed: peerRecords(worker, 700), closed: [] });
      }
      const nowMs = Number((await server.cli('TIME')).split('\n')[0]) * 1_000;
      const almostMs = nowMs - 0.75 * settings.leaseMs;
      await server.cli('ZADD', `${settings.keyPrefix}workers`, '1', one, String(almostMs), two);
      const page = await reader.list({ filter: {}, limit: 10, cursor: null });
      assert.deepEqual(page.unread, [one], 'it is named until the others have gone, too, or one lives');
      assert.deepEqual(await readStream(server, `${settings.keyPrefix}closed`), []);
      await server.cli('ZADD', `${settings.keyPrefix}workers`, '1', two);
      assert.deepEqual(await listAll(reader), []);
      assert.equal((await readStream(server, `${settings.keyPrefix}closed`)).length, 1_000);
      const events = await readStream(server, `${settings.keyPrefix}events`);
      assert.deepEqual(
        events.filter(({ type }) => type === 'host lost').map(({ peers }) => peers),
        ['1400'],
      );
    });

    it('once, though many meet them at the same time', async () => {
      const readers = [await open(two), await open(far)];
      await (await open(one)).flush({ events: [], changed: peerRecords(one, 300), closed: [] });
      await server.cli('ZADD', `${settings.keyPrefix}workers`, '1', one);
      await Promise.all(
        [...readers, ...readers].map((reader) => reader.list({ filter: {}, limit: 10, cursor: null })),
      );
      assert.equal((await readStream(server, `${settings.keyPrefix}closed`)).length, 300);
      assert.deepEqual(await listAll(readers[0] ?? assert.fail()), []);
    });

    it('not those that have come back meanwhile: nothing is said of them anywhere', async () => {
      const store = await open(one);
      await store.flush({ events: [], changed: peerRecords(one, 3), closed: [] });
      await server.cli('ZADD', `${settings.keyPrefix}workers`, '1', two);
      const before = await readStream(server, `${settings.keyPrefix}events`);
      const connection = new RedisConnection({ ...settings, onTrouble: (message) => assert.fail(message) });
      const removal = { reason: 'host lost', rowsMax: 1_000, leases: settings } as const;
      const names = redisKeys(settings.keyPrefix);
      try {
        assert.deepEqual(await removeWorkers(connection, names, 'pear-host', [one], removal), [one]);
        assert.deepEqual(await readStream(server, `${settings.keyPrefix}events`), before);
        // With one that has not: that one goes, and the host is not lost.
        assert.deepEqual(await removeWorkers(connection, names, 'pear-host', [one, two], removal), [one]);
      } finally {
        connection.close();
      }
      const events = await readStream(server, `${settings.keyPrefix}events`);
      assert.deepEqual(
        events.slice(before.length).map(({ type, worker }) => [type, worker]),
        [['worker down', two]],
      );
      assert.deepEqual(await readStream(server, `${settings.keyPrefix}closed`), []);
      assert.equal((await listAll(store)).length, 3);
    });

    it('also where somebody has put another value in place of their peers', async () => {
      const reader = await open(two);
      await open(one);
      await server.cli('SET', `${settings.keyPrefix}peers:${one}`, 'mine');
      await server.cli('ZADD', `${settings.keyPrefix}workers`, '1', one);
      assert.deepEqual(await listAll(reader), []);
      assert.equal(await server.cli('ZCARD', `${settings.keyPrefix}workers`), '1');
    });
  });

  it('removes a dead worker for the primary, keys and all', async () => {
    const reader = await open(two);
    await (await open(one)).flush({ events: [], changed: peerRecords(one, 3), closed: [] });
    const reaper = new RedisReaper(settings, (message) => troubles.push(message));
    opened.push(reaper);
    await reaper.removeWorker(one, 'worker died');
    await reaper.removeWorker(one, 'worker died');
    assert.deepEqual(await keys(), ['closed stream', 'events stream', `worker:${two} hash`, 'workers zset']);
    assert.equal((await readStream(server, `${settings.keyPrefix}closed`)).length, 3);
    const events = await readStream(server, `${settings.keyPrefix}events`);
    assert.equal(events.filter(({ type }) => type === 'worker down').length, 1);
    assert.equal((await reader.workers()).workers.length, 1);
  });

  it('leaves out values that are no records, says so once, and lists the others', async () => {
    const store = await open(one);
    const peer = peerRecord(one, 1);
    await store.flush({ events: [], changed: [peer], closed: [] });
    const hash = `${settings.keyPrefix}peers:${one}`;
    await server.cli('HSET', hash, 'a', 'no JSON', 'b', '{"id":"b"}', 'c', JSON.stringify(peer));
    assert.deepEqual(await listAll(store), [peer]);
    assert.deepEqual(await listAll(store), [peer]);
    assert.equal(troubles.length, 1);
    assert.match(troubles[0] ?? '', /pear-host:0:aaaa.*no records/);
  });

  it('names a worker whose peers cannot be read and lists those of the others', async () => {
    const [broken, store] = [await open(one), await open(two)];
    const peers = peerRecords(two, 2);
    await broken.flush({ events: [], changed: peerRecords(one, 2), closed: [] });
    await store.flush({ events: [], changed: peers, closed: [] });
    await server.cli('SET', `${settings.keyPrefix}peers:${one}`, 'mine');
    const page = await store.list({ filter: {}, limit: 10, cursor: null });
    assert.deepEqual([byId(page.peers), page.cursor, page.unread], [peers, null, [one]]);
    assert.deepEqual(troubles, [], 'the page says it');
  });

  for (const key of ['events', 'closed', 'workers']) {
    it(`says in one line what to do where ${key} is a key with another type of value`, async () => {
      const store = await open(one);
      await server.cli('SET', settings.keyPrefix + key, 'x');
      const calls = [
        () => store.events({ after: null, limit: 1 }),
        () => store.closed({ filter: {}, limit: 1, cursor: null }),
        () => store.list({ filter: {}, limit: 1, cursor: null }),
      ];
      for (const call of [...calls, ...calls]) await call().catch(() => undefined);
      assert.equal(troubles.length, 1, troubles.join('\n'));
      assert.match(troubles[0] ?? '', /WRONGTYPE; a key .*key_prefix .*DEL it, or set another key_prefix$/);
    });
  }

  it('keeps the view also where neither what has closed nor what has happened can be written', async () => {
    const store = await open(one);
    const [here, gone] = [peerRecords(one, 2), closedPeer(peerRecord(one, 9))];
    await server.cli('SET', `${settings.keyPrefix}events`, 'x');
    // No id is behind this one.
    await server.cli(
      'XADD',
      `${settings.keyPrefix}closed`,
      '18446744073709551615-18446744073709551615',
      'a',
      'b',
    );
    const events = here.map((peer) => peerEvent(peer, { type: 'opened' }));
    await store.flush({ changed: here, closed: [gone], events });
    assert.equal(await store.heartbeat(workerRecord(one), 2), 'ok');
    assert.deepEqual(byId((await store.list({ filter: {}, limit: 10, cursor: null })).peers), here);
    await store.flush({ changed: here, closed: [gone], events });
    assert.equal(troubles.length, 2, 'each is told once');
    assert.match(troubles.join('\n'), /WRONGTYPE; a key .*key_prefix/);
  });

  it('goes on behind an event of the far future that somebody else has put into the stream', async () => {
    const store = await open(one);
    await server.cli('XADD', `${settings.keyPrefix}events`, '1799999999999999999-0', 'a', 'b');
    const { last } = await store.events({ after: null, limit: 10 });
    assert.equal(last, '1799999999999999999-0');
    await open(two);
    const { events } = await store.events({ after: last, limit: 10 });
    assert.deepEqual(
      events.map(({ type, worker }) => [type, worker]),
      [['worker up', two]],
    );
  });
});
