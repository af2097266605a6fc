// Pages over hashes as Redis really keeps them: large, small, growing, shrinking and replaced between two
// pages.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { encodeCursor } from '#src/connections/cursor.js';
import { RedisStore } from '#src/connections/redis/store.js';
import { InvalidMessageError } from '#src/errors.js';
import type { RedisSettings } from '#src/connections/choose-store.js';
import { startRedisServer, type RedisServer } from '../../support/redis-server.js';
import { byId, closedPeer, listAll, peerRecord, peerRecords, workerRecord } from '../records.js';
import { redisSettings } from '../views.js';

const one = 'pear-host:0:aaaa';
const two = 'pear-host:1:bbbb';
const far = 'other-host:0:cccc';

describe('pages of the Redis store', () => {
  let server: RedisServer;
  let settings: RedisSettings;
  let opened: RedisStore[];

  const open = async (workerId: string) => {
    const store = new RedisStore(settings, (message) => assert.fail(message));
    opened.push(store);
    await store.open(workerRecord(workerId));
    return store;
  };

  before(async () => {
    server = await startRedisServer();
  });
  after(async () => {
    await server.dispose();
  });
  beforeEach(() => {
    settings = { ...redisSettings(server), keyPrefix: `pear-${randomUUID()}:` };
    opened = [];
  });
  afterEach(async () => {
    await Promise.all(opened.map((store) => store.close()));
  });

  it('over 1,200 peers of 3 workers give each exactly once, whatever the limit', async () => {
    const peers = [one, two, far].flatMap((worker) => peerRecords(worker, 400));
    let reader = await open('reader:0:0000');
    for (const worker of [one, two, far]) {
      reader = await open(worker);
      await reader.flush({ events: [], changed: peers.filter((peer) => peer.worker === worker), closed: [] });
    }
    assert.equal(await server.cli('OBJECT', 'ENCODING', `${settings.keyPrefix}peers:${one}`), 'hashtable');
    for (const limit of [1, 2, 3, 7, 50, 99, 100, 101, 399, 400, 401, 500, 799, 1_199, 1_200, 1_201, 5_000]) {
      assert.deepEqual(byId(await listAll(reader, { limit })), byId(peers), `limit ${limit}`);
    }
  });

  it('over small hashes, which Redis gives whole, keep the limit and give each peer exactly once', async () => {
    await server.cli('CONFIG', 'SET', 'hash-max-listpack-value', '4096');
    try {
      const store = await open(one);
      const peers = peerRecords(one, 100);
      await store.flush({ events: [], changed: peers, closed: [] });
      assert.equal(await server.cli('OBJECT', 'ENCODING', `${settings.keyPrefix}peers:${one}`), 'listpack');
      for (let limit = 1; limit <= 101; limit += 4) {
        assert.deepEqual(byId(await listAll(store, { limit })), byId(peers), `limit ${limit}`);
      }
      const { cursor } = await store.list({ filter: {}, limit: 1, cursor: null });
      assert.ok(cursor !== null && cursor.length < 2_000, `a cursor of ${cursor?.length ?? 0} characters`);
    } finally {
      await server.cli('CONFIG', 'SET', 'hash-max-listpack-value', '64');
    }
  });

  it('have no cursor where only workers without peers remain', async () => {
    const store = await open(one);
    await open(two);
    for (const count of [1, 2, 5, 100, 400]) {
      const peers = peerRecords(one, count);
      await store.resync(workerRecord(one), peers);
      const page = await store.list({ filter: {}, limit: count, cursor: null });
      assert.deepEqual([page.peers.length, page.cursor], [count, null]);
    }
    const reader = await open('z-host:0:cccc');
    await reader.flush({ events: [], changed: [peerRecord('z-host:0:cccc', 1)], closed: [] });
    const { cursor } = await reader.list({ filter: {}, limit: 400, cursor: null });
    const rest = await reader.list({ filter: {}, limit: 400, cursor });
    assert.deepEqual(
      rest.peers.map(({ host }) => host),
      ['z-host'],
    );
    assert.equal(rest.cursor, null);
  });

  it('refuse a cursor with numbers that Redis cannot read, and ask it nothing', async () => {
    const store = await open(one);
    const over = String(2n ** 64n);
    const place = { store: 'redis', worker: one, scan: over, prefix: '', rest: [] };
    await assert.rejects(
      store.list({ filter: {}, limit: 1, cursor: encodeCursor(place) }),
      InvalidMessageError,
    );
    for (const closed of [`${over}-0`, `1-${over}`, '0-0', '1', '1-', '1-2-3', 'a-1']) {
      const cursor = encodeCursor({ store: 'redis', closed });
      await assert.rejects(store.closed({ filter: {}, limit: 1, cursor }), InvalidMessageError, closed);
    }
  });

  it('miss no peer that stays while the hash grows, shrinks and is replaced', async () => {
    const store = await open(one);
    const staying = peerRecords(one, 300);
    const guests = Array.from({ length: 6_000 }, (_, n) => peerRecord(one, 1_000 + n));
    await store.flush({ events: [], changed: staying, closed: [] });
    const changes = [
      () => store.flush({ events: [], changed: guests, closed: [] }),
      () =>
        store.flush({ events: [], changed: [], closed: guests.slice(500).map((peer) => closedPeer(peer)) }),
      () => store.resync(workerRecord(one), staying),
    ];
    const seen = new Set<string>();
    let cursor: string | null = null;
    for (let pageNumber = 0; ; pageNumber++) {
      const page = await store.list({ filter: {}, limit: 40, cursor });
      const ids = page.peers.map(({ id }) => id);
      assert.equal(new Set(ids).size, ids.length, 'within a page each stands once');
      for (const id of ids) seen.add(id);
      cursor = page.cursor;
      if (cursor === null) break;
      await changes[pageNumber]?.();
    }
    const missing = staying.filter(({ id }) => !seen.has(id));
    assert.deepEqual(missing, []);
  });
});
