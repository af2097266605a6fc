// A Redis that is there and will not do what it is asked: out of memory, a replica, reading its data, a Cluster. The log
// says it once, in words that lead on, and the view heals by itself.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { RedisSettings } from '#src/connections/choose-store.js';
import { probeRedis } from '#src/connections/redis/probe.js';
import { RedisStore } from '#src/connections/redis/store.js';
import { StartupError, StoreUnavailableError } from '#src/errors.js';
import { eventually } from '../../support/deadline.js';
import { freePort } from '../../support/free-port.js';
import { startRedisServer, type RedisServer } from '../../support/redis-server.js';
import { byId, listAll, peerRecords, workerRecord } from '../records.js';
import { redisSettings } from '../views.js';

const one = 'pear-host:0:aaaa';
/** Of each key that is read at a start; 200 keys make it last for seconds. */
const loadDelay = ['--key-load-delay', '25000', '--loading-process-events-interval-bytes', '1024'];

describe('the Redis store, where Redis', () => {
  let server: RedisServer;
  let store: RedisStore;
  let troubles: string[];
  const peers = peerRecords(one, 50);

  before(async () => {
    server = await startRedisServer(...loadDelay, '--rdbcompression', 'no');
  });
  after(async () => {
    await server.dispose();
  });
  beforeEach(async () => {
    await server.cli('FLUSHALL');
    troubles = [];
    store = new RedisStore(redisSettings(server), (message) => troubles.push(message));
    await store.open(workerRecord(one));
    await store.flush({ events: [], changed: peers, closed: [] });
    assert.equal(await beat(), 'ok');
  });
  afterEach(async () => {
    await store.close();
  });

  /** What a worker does at each of its heartbeats. */
  const beat = async (): Promise<'ok' | 'resynced' | 'failed'> => {
    try {
      if ((await store.heartbeat(workerRecord(one), peers.length)) === 'ok') return 'ok';
      await store.resync(workerRecord(one), peers);
      return 'resynced';
    } catch (error) {
      assert.ok(error instanceof StoreUnavailableError, String(error));
      return 'failed';
    }
  };
  /** So often, and so long, that reconnecting has its turn. */
  const failsForAWhile = async () => {
    for (let time = 0; time < 25; time++) {
      assert.equal(await beat(), 'failed');
      await wait(100);
    }
  };
  const isWholeAgain = async () => {
    await eventually('a heartbeat arrives', async () => ((await beat()) === 'ok' ? true : null));
    assert.deepEqual(byId(await listAll(store, { limit: 500 })), byId(peers));
  };

  it('is out of memory: one line says so, lists go on, and one more line says that it is over', async () => {
    await server.cli('CONFIG', 'SET', 'maxmemory', '1');
    try {
      await failsForAWhile();
      assert.equal((await listAll(store, { limit: 500 })).length, peers.length);
    } finally {
      await server.cli('CONFIG', 'SET', 'maxmemory', '0');
    }
    await isWholeAgain();
    assert.equal(troubles.length, 2, troubles.join('\n'));
    assert.match(troubles[0] ?? '', /takes no writes: OOM .*raise its maxmemory/);
    assert.doesNotMatch(troubles[0] ?? '', /script:/);
    assert.match(troubles[1] ?? '', /takes writes again/);
  });

  it('has become a replica: it is looked for the master anew, with one line at either end', async () => {
    const before = await connections();
    await server.cli('REPLICAOF', '127.0.0.1', '1');
    try {
      await failsForAWhile();
      await eventually('the store connects anew', async () => {
        const now = await connections();
        return now.length > 0 && now.every((id) => !before.includes(id)) ? true : null;
      });
    } finally {
      await server.cli('REPLICAOF', 'NO', 'ONE');
    }
    await isWholeAgain();
    assert.equal(troubles.length, 2, troubles.join('\n'));
    assert.match(troubles[0] ?? '', /takes no writes: READONLY .*connections\.redis\.sentinels/);
    assert.match(troubles[1] ?? '', /takes writes again/);
  });

  /** Redis's own ids of the connections of the store. */
  const connections = async () => {
    const clients = await server.cli('CLIENT', 'LIST');
    return [...clients.matchAll(/^id=(\d+) .* name=pear:test:0 /gm)].map(([, id]) => id ?? '');
  };

  it('reads its data after a restart: calls fail at once, and go on when it is ready', async () => {
    await server.cli(
      'EVAL',
      "for i = 1, 200 do redis.call('SET', 'ballast:' .. i, string.rep('x', 2000)) end",
      '0',
    );
    await server.cli('SAVE');
    await server.restart();
    await eventually('it is seen to be away', async () => ((await beat()) === 'failed' ? true : null));
    assert.match(await server.cli('PING'), /LOADING/);
    const start = performance.now();
    assert.equal(await beat(), 'failed');
    assert.ok(performance.now() - start < redisSettings(server).commandTimeoutMs);
    await isWholeAgain();
    assert.equal(troubles.length, 2, troubles.join('\n'));
    assert.match(troubles[1] ?? '', /is back/);
  });

  it('has no such database: nothing is written into another one', async () => {
    const url = server.url.replace('localhost/0', 'localhost/99');
    const lost = new RedisStore(
      { ...redisSettings(server), url, keyPrefix: 'pear:lost:', commandTimeoutMs: 500 },
      (message) => troubles.push(message),
    );
    await assert.rejects(lost.open(workerRecord(one)), StoreUnavailableError);
    await assert.rejects(lost.resync(workerRecord(one), peers), StoreUnavailableError);
    await lost.close();
    assert.equal(await server.cli('--raw', 'KEYS', 'pear:lost:*'), '');
    assert.equal(troubles.length, 1, troubles.join('\n'));
    assert.match(
      troubles[0] ?? '',
      /DB index is out of range; correct the database in connections\.redis\.url/,
    );
    await assert.rejects(probeRedis({ ...redisSettings(server), url, commandTimeoutMs: 500 }), StartupError);
  });
});

describe('a Redis Cluster', () => {
  let server: RedisServer;
  let settings: RedisSettings;
  before(async () => {
    const [port, busPort] = [await freePort(), await freePort()];
    server = await startRedisServer(
      ...['--port', String(port), '--bind', '127.0.0.1'],
      ...['--cluster-enabled', 'yes', '--cluster-port', String(busPort)],
    );
    settings = redisSettings({ url: `redis://127.0.0.1:${port}` });
    await server.cli('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await eventually('it serves all slots', async () =>
      (await server.cli('CLUSTER', 'INFO')).includes('cluster_state:ok') ? true : null,
    );
  });
  after(async () => {
    await server.dispose();
  });

  it('is refused at the start where Redis is demanded', async () => {
    await assert.rejects(probeRedis(settings), (error) => {
      assert.ok(error instanceof StartupError, String(error));
      assert.match(error.message, /is a Redis Cluster; the view of connections cannot lie in one/);
      assert.match(error.cure, /connections\.redis\.sentinels/);
      return true;
    });
  });

  it('is told in one line where the server has started without looking', async () => {
    const troubles: string[] = [];
    const store = new RedisStore(settings, (message) => troubles.push(message));
    for (let time = 0; time < 3; time++) {
      await assert.rejects(store.resync(workerRecord(one), peerRecords(one, 3)), StoreUnavailableError);
    }
    await store.close();
    assert.equal(troubles.length, 1, troubles.join('\n'));
    assert.match(troubles[0] ?? '', /it is a Redis Cluster; .*needs a single Redis or Sentinels/);
  });
});
