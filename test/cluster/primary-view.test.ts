// What the primary does with the view by itself: clearing away the hosts that are lost.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { pino } from 'pino';
import { PrimaryView } from '#src/cluster/primary-view.js';
import { RedisReaper } from '#src/connections/redis/reaper.js';
import { RedisStore } from '#src/connections/redis/store.js';
import { StoreUnavailableError } from '#src/errors.js';
import { setTimeout as wait } from 'node:timers/promises';
import { peerRecords, workerRecord } from '../connections/records.js';
import { until } from '../connections/until.js';
import { readStream, redisSettings } from '../connections/views.js';
import { startRedisServer, type RedisServer } from '../support/redis-server.js';

const lost = 'lost-host:0:aaaa';

describe('the primary', () => {
  let server: RedisServer;
  before(async () => {
    server = await startRedisServer();
  });
  after(async () => {
    await server.dispose();
  });

  it('clears away a host that has fallen silent, though nobody lists', async () => {
    const settings = { ...redisSettings(server), keyPrefix: 'silent:', leaseMs: 300, keyTtlMs: 60_000 };
    const worker = new RedisStore(settings, (message) => assert.fail(message));
    const view = new PrimaryView(
      { kind: 'redis', sentence: '', redis: settings },
      { leaseMs: settings.leaseMs, sweepIntervalMs: 100, log: pino({ level: 'silent' }) },
    );
    try {
      await worker.open(workerRecord(lost));
      await worker.flush({ changed: peerRecords(lost, 3), closed: [], events: [] });
      const isTold = async () => {
        const events = await readStream(server, 'silent:events');
        return events.some(
          ({ type, host, peers }) => type === 'host lost' && host === 'lost-host' && peers === '3',
        );
      };
      await until('the loss is told', isTold);
      const rows = await readStream(server, 'silent:closed');
      assert.deepEqual(
        rows.map(({ reason }) => reason),
        ['host lost', 'host lost', 'host lost'],
      );
      assert.equal(await server.cli('EXISTS', 'silent:workers', `silent:peers:${lost}`), '0');
    } finally {
      await view.close();
      await worker.close();
    }
  });

  it('clears away nobody at once when Redis is back after longer than a lease', async () => {
    const settings = { ...redisSettings(server), keyPrefix: 'back:', leaseMs: 200, keyTtlMs: 60_000 };
    const worker = new RedisStore(settings, () => undefined);
    const reaper = new RedisReaper({ ...settings, commandTimeoutMs: 500 }, () => undefined);
    const swept = () =>
      reaper.sweep().then(
        () => true,
        (error: unknown) => {
          assert.ok(error instanceof StoreUnavailableError, String(error));
          return false;
        },
      );
    try {
      await worker.open(workerRecord(lost));
      await until('a sweep', swept);
      server.freeze();
      assert.equal(await swept(), false);
      await wait(settings.leaseMs);
      server.thaw();
      await until('a sweep after the outage', swept);
      assert.equal(await server.cli('ZCARD', 'back:workers'), '1');
      await until('who stays silent goes', async () => {
        await swept();
        return (await server.cli('ZCARD', 'back:workers')) === '0';
      });
    } finally {
      server.thaw();
      await reaper.close();
      await worker.close();
    }
  });
});
