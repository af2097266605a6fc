// Redis that goes away, hangs, forgets, or was never there: calls fail in bounded time, and the view is
// whole again afterwards.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { RedisSettings } from '#src/connections/choose-store.js';
import { RedisReaper } from '#src/connections/redis/reaper.js';
import { RedisStore } from '#src/connections/redis/store.js';
import { StartupError, StoreUnavailableError } from '#src/errors.js';
import { startRedisServer, type RedisServer } from '../../support/redis-server.js';
import { byId, listAll, peerRecord, peerRecords, workerRecord } from '../records.js';
import { until } from '../until.js';
import { redisSettings } from '../views.js';

const one = 'pear-host:0:aaaa';
/** Where no call is meant to run into it. */
const longTimeoutMs = 5_000;
/** Where one is. */
const shortTimeoutMs = 500;
/** A call may wait for one timeout, a slow machine and its own turn. */
const boundMs = 2_500;

describe('the Redis store, when Redis', () => {
  let server: RedisServer;
  let store: RedisStore;
  let opened: (RedisStore | RedisReaper)[];
  let troubles: string[];
  const peers = peerRecords(one, 700);
  const newStore = (changes: Partial<RedisSettings> = {}) => {
    const settings = { ...redisSettings(server), commandTimeoutMs: longTimeoutMs, ...changes };
    const created = new RedisStore(settings, (message) => troubles.push(message));
    opened.push(created);
    return created;
  };
  const openWithPeers = async () => {
    await store.open(workerRecord(one));
    await store.flush({ events: [], changed: peers, closed: [] });
    assert.equal(await store.heartbeat(workerRecord(one), peers.length), 'ok');
  };
  const heartbeatArrives = async () => {
    let answer = '';
    await until('a heartbeat arrives', async () => {
      try {
        answer = await store.heartbeat(workerRecord(one), peers.length);
        return true;
      } catch (error) {
        assert.ok(error instanceof StoreUnavailableError);
        return false;
      }
    });
    return answer;
  };
  const isWholeAfterResync = async () => {
    await store.resync(workerRecord(one), peers);
    assert.equal(await store.heartbeat(workerRecord(one), peers.length), 'ok');
    assert.deepEqual(byId(await listAll(store, { limit: 500 })), byId(peers));
    assert.equal((await store.workers()).workers.length, 1);
  };

  /** Redis's own ids of the connections that the stores hold. */
  const connectionIds = async () => {
    const clients = await server.cli('CLIENT', 'LIST');
    return [...clients.matchAll(/^id=(\d+) .* name=pear:test:0 /gm)].map(([, id]) => id ?? '');
  };

  before(async () => {
    server = await startRedisServer();
  });
  after(async () => {
    await server.dispose();
  });
  beforeEach(async () => {
    await server.restart();
    troubles = [];
    opened = [];
    store = newStore();
  });
  afterEach(async () => {
    server.thaw();
    await Promise.all(opened.map((each) => each.close()));
  });

  it('has forgotten everything (FLUSHALL): the next heartbeat says resync, and the view is whole again', async () => {
    await openWithPeers();
    await server.cli('FLUSHALL');
    const page = await store.list({ filter: {}, limit: 10, cursor: null });
    assert.deepEqual([page.peers, page.unread], [[], [one]], 'it is there, and says so');
    assert.deepEqual((await store.workers()).unread, [one]);
    assert.equal(await store.heartbeat(workerRecord(one), peers.length), 'resync');
    await isWholeAfterResync();
  });

  it('has forgotten everything and a flush comes first: the next heartbeat says resync all the same', async () => {
    await openWithPeers();
    await server.cli('FLUSHALL');
    await store.flush({ events: [], changed: peers, closed: [] });
    assert.equal(await store.heartbeat(workerRecord(one), peers.length), 'resync');
    await isWholeAfterResync();
  });

  it('restarts empty: the store reconnects by itself, and the view is whole after a resync', async () => {
    await openWithPeers();
    await server.restart();
    assert.equal(await heartbeatArrives(), 'resync');
    await isWholeAfterResync();
  });

  it('is stopped: every call fails at once, and one line says so, and one that it is back', async () => {
    await openWithPeers();
    await server.stop();
    await until('the store has noticed', () => troubles.length > 0);
    for (const call of allCalls(store)) await failsWithin(call, longTimeoutMs / 5);
    await server.start();
    assert.equal(await heartbeatArrives(), 'resync');
    await isWholeAfterResync();
    assert.equal(troubles.length, 2, troubles.join('\n'));
    assert.match(troubles[0] ?? '', /is away/);
    assert.match(troubles[1] ?? '', /is back/);
  });

  it('hangs (CLIENT PAUSE): every call fails within the command timeout, and the store recovers', async () => {
    store = newStore({ commandTimeoutMs: shortTimeoutMs });
    await openWithPeers();
    await server.cli('CLIENT', 'PAUSE', '1200', 'ALL');
    const writes = failsWithin(
      () => store.flush({ events: [], changed: [peerRecord(one, 1)], closed: [] }),
      boundMs,
    );
    await Promise.all([writes, failsWithin(() => store.workers(), boundMs)]);
    assert.equal(await heartbeatArrives(), 'resync');
    await isWholeAfterResync();
    assert.ok(troubles.length >= 1, 'the outage was reported');
  });

  it('hangs for longer (SIGSTOP): the half-open connection is given up and made anew', async () => {
    store = newStore({ commandTimeoutMs: shortTimeoutMs });
    await openWithPeers();
    const before = await connectionIds();
    server.freeze();
    await failsWithin(() => store.heartbeat(workerRecord(one), peers.length), boundMs);
    // Beyond twice the command timeout, after which the connection counts as half-open.
    await wait(3 * shortTimeoutMs);
    await failsWithin(() => listAll(store), boundMs);
    server.thaw();
    assert.equal(await heartbeatArrives(), 'resync');
    await isWholeAfterResync();
    const kept = (await connectionIds()).filter((id) => before.includes(id));
    assert.deepEqual([before.length, kept], [1, []]);
  });

  it('cuts the connection in the middle of calls: what failed is made good by a resync', async () => {
    await openWithPeers();
    const calls = [
      store.flush({ events: [], changed: peers, closed: [] }),
      store.flush({ events: [], changed: peers, closed: [] }),
      store.flush({ events: [], changed: peers, closed: [] }),
    ];
    const outcomes = Promise.allSettled(calls);
    await server.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
    const failed = (await outcomes).some(({ status }) => status === 'rejected');
    const answer = await heartbeatArrives();
    if (failed) assert.equal(answer, 'resync');
    await isWholeAfterResync();
  });

  it('is not there yet: open fails in bounded time, and the store comes up when Redis does', async () => {
    store = newStore({ commandTimeoutMs: shortTimeoutMs });
    await server.stop();
    await failsWithin(() => store.open(workerRecord(one)), boundMs);
    await server.start();
    assert.equal(await heartbeatArrives(), 'resync');
    await isWholeAfterResync();
    assert.equal(troubles.length, 2, troubles.join('\n'));
  });

  it('comes up while open waits for it: open succeeds', async () => {
    await server.stop();
    const patient = newStore();
    const opened = patient.open(workerRecord(one));
    await server.start();
    await opened;
    assert.equal((await patient.workers()).workers.length, 1);
  });

  it('is away: close resolves all the same', async () => {
    await openWithPeers();
    await server.stop();
    await store.close();
  });

  it('is away: the reaper says so, and removes the worker when Redis is back', async () => {
    const reaper = new RedisReaper(
      { ...redisSettings(server), commandTimeoutMs: shortTimeoutMs },
      () => undefined,
    );
    opened.push(reaper);
    await server.stop();
    await failsWithin(() => reaper.removeWorker(one, 'worker died'), boundMs);
    await server.start();
    await store.open(workerRecord(one));
    await until('the reaper has reconnected', async () => {
      try {
        await reaper.removeWorker(one, 'worker died');
        return true;
      } catch {
        return false;
      }
    });
    assert.deepEqual((await store.workers()).workers, []);
  });

  it('refuses the password: no error and no line shows it', async () => {
    const url = server.url.replace('redis://', 'redis://pear:s3cret@');
    const stranger = newStore({ url, commandTimeoutMs: shortTimeoutMs });
    await assert.rejects(stranger.open(workerRecord(one)), (error) => {
      assert.ok(error instanceof StoreUnavailableError);
      for (let at: unknown = error; at instanceof Error; at = at.cause) {
        assert.doesNotMatch(`${at.stack ?? ''} ${JSON.stringify(at)}`, /s3cret/);
      }
      return true;
    });
    assert.equal(troubles.length, 1);
    assert.match(troubles[0] ?? '', /WRONGPASS/);
    assert.doesNotMatch(troubles[0] ?? '', /s3cret/);
  });

  it('has a URL that is none: a StartupError says so without its secret', () => {
    assert.throws(
      () => newStore({ url: 'redis://pear:s3cret@host:notaport/0' }),
      (error) => error instanceof StartupError && !/s3cret/.test(`${error.stack ?? ''} ${error.cure}`),
    );
  });
});

function allCalls(store: RedisStore): (() => Promise<unknown>)[] {
  return [
    () => store.flush({ events: [], changed: [peerRecord(one, 1)], closed: [] }),
    () => store.heartbeat(workerRecord(one), 1),
    () => store.resync(workerRecord(one), []),
    () => store.list({ filter: {}, limit: 1, cursor: null }),
    () => store.workers(),
  ];
}

async function failsWithin(call: () => Promise<unknown>, limitMs: number): Promise<void> {
  const start = performance.now();
  await assert.rejects(call(), (error) => {
    assert.ok(error instanceof StoreUnavailableError, String(error));
    assert.ok(error.cause instanceof Error || /not ready/.test(error.message), error.message);
    return true;
  });
  const tookMs = performance.now() - start;
  assert.ok(tookMs < limitMs, `took ${tookMs} ms`);
}
