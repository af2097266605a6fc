// What a primary reads in Redis where workers of its host are missing there.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { RedisStore } from '#src/connections/redis/store.js';
import { ServingReader } from '#src/connections/serving-reader.js';
import { startRedisServer, type RedisServer } from '../support/redis-server.js';
import { workerRecord } from './records.js';
import { redisSettings } from './views.js';

const one = 'pear-host:0:aaaa';
const two = 'pear-host:1:bbbb';
const far = 'other-host:0:cccc';

describe('the view as the primary reads it', () => {
  let server: RedisServer;
  let stores: RedisStore[];
  let view: ServingReader;

  before(async () => {
    server = await startRedisServer();
    stores = [one, far].map(() => new RedisStore(redisSettings(server), (message) => assert.fail(message)));
    const [own = assert.fail(), other = assert.fail()] = stores;
    await own.open(workerRecord(one));
    await other.open(workerRecord(far));
    view = new ServingReader(other, () => Promise.resolve({ workers: new Set([two, one]), away: [] }));
  });
  after(async () => {
    await Promise.all(stores.map((store) => store.close()));
    await server.dispose();
  });

  it('names a worker that serves and is not in Redis among those that could not be read', async () => {
    const { workers, unread, scope } = await view.workers();
    assert.deepEqual([workers.map(({ record }) => record.worker), unread], [[far, one], [two]]);
    assert.equal(scope, 'all hosts');
    const page = await view.list({ filter: {}, limit: 10, cursor: null });
    assert.deepEqual([page.parts.map(({ worker }) => worker), page.unread], [[far, one], [two]]);
  });

  it('names a worker that cannot tell Redis what changes, though Redis has it', async () => {
    const [reader = assert.fail()] = stores;
    const cut = new ServingReader(reader, () => Promise.resolve({ workers: [one], away: [one] }));
    const page = await cut.list({ filter: {}, limit: 10, cursor: null });
    assert.deepEqual([page.parts.map(({ worker }) => worker), page.unread], [[far, one], [one]]);
    assert.deepEqual((await cut.workers()).unread, [one]);
  });

  it('does not name it where a filter asks for others', async () => {
    for (const filter of [{ host: 'other-host' }, { worker: one }]) {
      assert.deepEqual((await view.list({ filter, limit: 10, cursor: null })).unread, []);
    }
  });

  it('names a worker once whose values cannot be read', async () => {
    await server.cli('SET', `pear:peers:${one}`, 'mine');
    const page = await view.list({ filter: {}, limit: 10, cursor: null });
    assert.deepEqual(page.unread, [one, two]);
  });
});
