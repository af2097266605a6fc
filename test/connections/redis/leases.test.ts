// Leases that say less than they seem to, since Redis itself was away or its clock has moved, and values that are in the way.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import type { RedisSettings } from '#src/connections/choose-store.js';
import { pauseMs } from '#src/connections/redis/removal.js';
import { RedisStore } from '#src/connections/redis/store.js';
import { setTimeout as wait } from 'node:timers/promises';
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
    /** Of the store's lease: so long without a sign is a pause. */
    const pause = 20_000;
    /** As if the last sign that Redis takes writes had been given so much later. */
    const sign = 'pear:steady:60000';
    const moveLastSign = (byMs: number) => server.cli('HINCRBY', sign, 'last', String(byMs));
    const hasBeenSteady = (key = sign, forMs = 100_000) =>
      server.cli('HINCRBY', key, 'since', String(-forMs));
    const ago = (ms: number) => String(Date.now() - ms);
    const goesAtLast = (reader: RedisStore) =>
      until('it is removed once the grace is over', async () => (await unreadOf(reader)).length === 0);

    for (const [what, happens] of [
      ['is first seen', () => server.cli('DEL', sign)],
      ['was away or took no writes', () => moveLastSign(-pause)],
      ['has a clock that was set back', () => moveLastSign(pause)],
    ] as const) {
      it(`removes nobody for the grace after Redis ${what}, and names whom it spares`, async () => {
        const reader = await open(far, { removalGraceMs: 1_000 });
        await (await open(one)).flush({ changed: peerRecords(one, 2), closed: [], events: [] });
        await open('nobody:0:dddd');
        await setLease('nobody:0:dddd', '1');
        await goesAtLast(reader);
        await happens();
        await setLease(one, '1');
        assert.deepEqual(await namesOf(reader), { alive: [far], unread: [one] });
        await goesAtLast(reader);
        assert.equal((await readStream(server, 'pear:closed')).length, 2);
      });
    }

    it('removes nobody while Redis has no memory, nor right after, though leases end one by one', async () => {
      const reader = await open(far, { removalGraceMs: 1_000 });
      const store = await open(one);
      await store.flush({ changed: peerRecords(one, 2), closed: [], events: [] });
      await reader.workers();
      await setLease('nobody:0:dddd', '1');
      await reader.workers();
      await hasBeenSteady();
      await setLease(one, '1');
      await server.cli('CONFIG', 'SET', 'maxmemory', '1');
      try {
        assert.deepEqual(await namesOf(reader), { alive: [far], unread: [one, 'nobody:0:dddd'].sort() });
      } finally {
        await server.cli('CONFIG', 'SET', 'maxmemory', '0');
      }
      // Nobody could give a sign meanwhile.
      await moveLastSign(-pause);
      assert.deepEqual(await namesOf(reader), { alive: [far], unread: [one, 'nobody:0:dddd'].sort() });
      assert.equal(await store.heartbeat(workerRecord(one), 2), 'ok');
      await goesAtLast(reader);
      assert.deepEqual(await readStream(server, 'pear:closed'), []);
      assert.equal((await namesOf(reader)).alive.length, 2);
    });

    it('removes nobody with an order that had to wait for Redis', async () => {
      const changes = { leaseMs: 5_000, removalGraceMs: 300 };
      const reader = await open(far, changes);
      await (await open(one, changes)).flush({ changed: peerRecords(one, 2), closed: [], events: [] });
      await setLease('nobody:0:dddd', '1');
      await reader.workers();
      await hasBeenSteady('pear:steady:5000');
      await setLease(one, '1');
      await setLease(far, ago(0));
      await server.cli('CLIENT', 'PAUSE', '60000', 'WRITE');
      const looked = unreadOf(reader);
      await wait(pauseMs(changes.leaseMs) + 100);
      await server.cli('CLIENT', 'UNPAUSE');
      assert.deepEqual(await looked, ['nobody:0:dddd', one].sort());
      assert.deepEqual(await readStream(server, 'pear:closed'), []);
    });

    it('judges a host that gives itself a longer lease by that one', async () => {
      const reader = await open(one);
      await open(far, { leaseMs: 200_000 });
      await setLease(far, ago(100_000));
      assert.deepEqual(await namesOf(reader), { alive: [far, one].sort(), unread: [] });
      await setLease(far, ago(201_000));
      assert.deepEqual(
        await namesOf(reader),
        { alive: [one], unread: [far] },
        'it may take longer to come back',
      );
      await hasBeenSteady(sign, 140_000);
      assert.deepEqual(await namesOf(reader), { alive: [one], unread: [] });
    });

    it('is not told by hosts with a longer lease that Redis made no pause', async () => {
      const reader = await open(far, { removalGraceMs: 1_000 });
      await open(one);
      await setLease('nobody:0:dddd', '1');
      await reader.workers();
      await hasBeenSteady();
      await moveLastSign(-pause);
      const other = await open(two, { leaseMs: 600_000, removalGraceMs: 60_000 });
      await setLease(one, '1');
      await other.workers();
      assert.deepEqual(await namesOf(reader), {
        alive: [far, two].sort(),
        unread: ['nobody:0:dddd', one].sort(),
      });
    });

    it('keeps what is known of those that must not be removed yet', async () => {
      const reader = await open(far, { removalGraceMs: 60_000 });
      await (await open(one)).flush({ changed: peerRecords(one, 2), closed: [], events: [] });
      for (const key of [`pear:worker:${one}`, `pear:peers:${one}`]) await server.cli('PEXPIRE', key, '1000');
      await setLease(one, '1');
      assert.deepEqual(await unreadOf(reader), [one]);
      for (const key of [`pear:worker:${one}`, `pear:peers:${one}`])
        assert.ok(Number(await server.cli('PTTL', key)) > 60_000);
    });

    it('takes another value away that stands where Redis says since when it takes writes', async () => {
      const reader = await open(far);
      await open(one);
      await server.cli('SET', sign, 'mine');
      await setLease(one, '1');
      assert.deepEqual(await namesOf(reader), { alive: [far], unread: [] });
      assert.equal(await server.cli('TYPE', sign), 'hash');
    });

    for (const [what, happens] of [
      ['a time in the future', () => server.cli('HSET', sign, 'since', '99999999999999')],
      ['no time', () => server.cli('HSET', sign, 'since', 'inf')],
      ['no lease', () => server.cli('HSET', `pear:worker:${one}`, 'lease_ms', '1e15')],
    ] as const) {
      it(`keeps nobody for ever where somebody has written ${what}`, async () => {
        const reader = await open(far);
        await open(one);
        await setLease('nobody:0:dddd', '1');
        await reader.workers();
        await happens();
        await setLease(one, '-inf');
        assert.deepEqual(await namesOf(reader), { alive: [far], unread: [] });
      });
    }

    it('removes nobody where no lease was renewed for half a lease: perhaps none could be', async () => {
      const reader = await open(far);
      await open(one);
      await setLease(one, '1');
      await setLease(far, ago(40_000));
      assert.deepEqual(await namesOf(reader), { alive: [far], unread: [one] });
      assert.equal(await reader.heartbeat(workerRecord(far), 0), 'ok');
      assert.deepEqual(await namesOf(reader), { alive: [far], unread: [] });
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
