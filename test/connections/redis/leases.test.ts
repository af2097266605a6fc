// Leases that say less than they seem to, since Redis itself was away or its clock has moved, and values that are in the way.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { RedisSettings } from '#src/connections/choose-store.js';
import { RedisConnection } from '#src/connections/redis/connection.js';
import { RedisStore } from '#src/connections/redis/store.js';
import { StoreUnavailableError } from '#src/errors.js';
import { startRedisServer, type RedisServer } from '../../support/redis-server.js';
import { peerRecords, workerRecord } from '../records.js';
import { until } from '../until.js';
import { readStream, redisSettings } from '../views.js';

const one = 'pear-host:0:aaaa';
const two = 'pear-host:1:bbbb';
const far = 'other-host:0:cccc';
const everything = { filter: {}, limit: 10, cursor: null } as const;

describe('the Redis store, of leases', () => {
  let server: RedisServer;
  let opened: RedisStore[];
  const open = async (workerId: string, changes: Partial<RedisSettings> = {}) => {
    const store = new RedisStore({ ...redisSettings(server), ...changes }, () => undefined);
    opened.push(store);
    await store.open(workerRecord(workerId));
    return store;
  };
  const setLease = (workerId: string, score: string) => server.cli('ZADD', 'pear:workers', score, workerId);
  const leaseOf = async (workerId: string) => Number(await server.cli('ZSCORE', 'pear:workers', workerId));
  const namesOf = async (store: RedisStore) => {
    const [page, { workers, unread }] = [await store.list(everything), await store.workers()];
    assert.deepEqual(page.unread, unread);
    assert.deepEqual(
      page.parts.map(({ worker }) => worker),
      workers.map(({ record }) => record.worker),
    );
    return { alive: workers.map(({ record }) => record.worker), unread };
  };

  /** One look, where what is seen changes meanwhile. */
  const unreadOf = async (store: RedisStore) => (await store.workers()).unread;

  before(async () => {
    server = await startRedisServer();
  });
  after(async () => {
    await server.dispose();
  });
  beforeEach(async () => {
    await server.cli('FLUSHALL');
    opened = [];
  });
  afterEach(async () => {
    await Promise.all(opened.map((store) => store.close()));
  });

  describe('that have run out', () => {
    it('removes nobody until the grace after its connection came back is over, and names whom it spares', async () => {
      const reader = await open(far, { removalGraceMs: 1_500 });
      await (await open(one)).flush({ changed: peerRecords(one, 2), closed: [], events: [] });
      await until('the grace of the first connection is over', async () => {
        await setLease('nobody:0:dddd', '1');
        return (await unreadOf(reader)).length === 0;
      });
      await server.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      await setLease(one, '1');
      await until('the reader is back', async () => {
        try {
          return (await unreadOf(reader)).includes(one);
        } catch (error) {
          assert.ok(error instanceof StoreUnavailableError);
          return false;
        }
      });
      assert.deepEqual(await namesOf(reader), { alive: [far], unread: [one] });
      await until('it is removed', async () => (await unreadOf(reader)).length === 0);
      assert.equal((await readStream(server, 'pear:closed')).length, 2);
    });

    it('removes nobody for the grace after no lease held, though nothing failed here: none could write', async () => {
      const reader = await open(one, { removalGraceMs: 2_000 });
      const other = await open(two);
      await other.flush({ changed: peerRecords(two, 2), closed: [], events: [] });
      for (const id of [one, two]) await setLease(id, '1');
      assert.deepEqual((await namesOf(reader)).unread, [one, two]);
      assert.equal(await reader.heartbeat(workerRecord(one), 0), 'ok');
      assert.deepEqual(await namesOf(reader), { alive: [one], unread: [two] });
      assert.equal(await other.heartbeat(workerRecord(two), 2), 'ok');
      assert.deepEqual(await namesOf(reader), { alive: [one, two], unread: [] });
      await setLease(two, '1');
      await until('it is removed once the grace is over', async () => (await unreadOf(reader)).length === 0);
      assert.equal((await readStream(server, 'pear:closed')).length, 2);
    });

    it('begins the grace anew where the clock of Redis has run ahead of ours', async (t) => {
      const connection = new RedisConnection({ ...redisSettings(server), onTrouble: () => undefined });
      t.after(() => {
        connection.close();
      });
      await connection.ready();
      const now = Date.now();
      connection.sawTime(now, 1_000);
      await until('it has stood for a while', () => connection.steadyForMs > 100);
      connection.sawTime(now + 500, 1_000);
      const before = connection.steadyForMs;
      assert.ok(before > 100, 'as fast as ours, or nearly so');
      connection.sawTime(now + 10_000, 1_000);
      assert.ok(connection.steadyForMs < before);
    });

    it('removes nobody where no lease holds: it was Redis that was away', async () => {
      const reader = await open(one);
      await reader.flush({ changed: peerRecords(one, 2), closed: [], events: [] });
      await setLease(one, '1');
      await setLease(far, '1');
      assert.deepEqual(await namesOf(reader), { alive: [], unread: [far, one] });
      assert.equal(await reader.heartbeat(workerRecord(one), 2), 'ok');
      assert.deepEqual(await namesOf(reader), { alive: [one], unread: [] });
      assert.deepEqual(await server.cli('XLEN', 'pear:closed'), '0');
    });
  });

  describe('in the future', () => {
    for (const score of ['99999999999999', '+inf']) {
      it(`counts ${score} as none, and lets it end like any other from now on`, async () => {
        const [reader, living] = [await open(far), await open(two)];
        await open(one);
        for (const id of [one, two]) await setLease(id, score);
        assert.deepEqual((await reader.workers()).unread, [one, two]);
        assert.ok((await leaseOf(one)) <= Date.now() + 60_000, 'it has been brought back');
        assert.equal(await living.heartbeat(workerRecord(two), 0), 'ok');
        await setLease(one, '1');
        assert.deepEqual(await namesOf(reader), { alive: [far, two], unread: [] });
      });
    }
  });

  describe('and values in the way', () => {
    it('names a worker whose own hash is of another type, or no record, or gone, and lists the others', async () => {
      const reader = await open(far);
      for (const id of [one, two, 'pear-host:2:eeee']) await open(id);
      await server.cli('SET', `pear:worker:${one}`, 'mine');
      await server.cli('HSET', `pear:worker:${two}`, 'pid', 'none');
      await server.cli('DEL', 'pear:worker:pear-host:2:eeee');
      const { workers, unread } = await reader.workers();
      assert.deepEqual(
        workers.map(({ record }) => record.worker),
        [far],
      );
      assert.deepEqual(unread, [one, two, 'pear-host:2:eeee']);
    });

    it('removes a lost host also where the history is of another type', async () => {
      const reader = await open(far);
      await (await open(one)).flush({ changed: peerRecords(one, 2), closed: [], events: [] });
      await server.cli('SET', 'pear:closed', 'mine');
      await setLease(one, '1');
      assert.deepEqual(await namesOf(reader), { alive: [far], unread: [] });
      assert.equal(await server.cli('EXISTS', `pear:peers:${one}`), '0');
    });

    it('reads all the same where the tidying fails, and names who has stayed', async () => {
      const reader = await open(far);
      await open(one);
      await server.cli('ACL', 'SETUSER', 'default', '-zrem');
      try {
        await setLease(one, '1');
        assert.deepEqual(await namesOf(reader), { alive: [far], unread: [one] });
      } finally {
        await server.cli('ACL', 'SETUSER', 'default', '+zrem');
      }
    });
  });
});

describe('a Redis that answers what it was not asked', () => {
  it('counts as away', async () => {
    // EVAL is TOUCH there, which takes any keys and answers a number.
    const renamed = ['--rename-command', 'EVAL', 'NOEVAL', '--rename-command', 'TOUCH', 'EVAL'];
    const server = await startRedisServer(...renamed);
    const store = new RedisStore(redisSettings(server), () => undefined);
    try {
      await store.open(workerRecord(one));
      await assert.rejects(store.heartbeat(workerRecord(one), 0), StoreUnavailableError);
    } finally {
      await store.close();
      await server.dispose();
    }
  });
});
