// What the primary does with the view by itself: clearing away the hosts that are lost.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { pino } from 'pino';
import { PrimaryView } from '#src/cluster/primary-view.js';
import type { RedisSettings } from '#src/connections/choose-store.js';
import { RedisReaper } from '#src/connections/redis/reaper.js';
import { RedisStore } from '#src/connections/redis/store.js';
import { StoreUnavailableError } from '#src/errors.js';
import { setTimeout as wait } from 'node:timers/promises';
import { peerRecords, workerRecord } from '../connections/records.js';
import { until } from '../connections/until.js';
import { readStream, redisSettings } from '../connections/views.js';
import { startRedisServer, type RedisServer } from '../support/redis-server.js';

const lost = 'lost-host:0:aaaa';
const living = 'here-host:0:bbbb';

/** A worker that goes on renewing its lease; where nobody does, leases say nothing of who lives. */
async function keepAlive(settings: RedisSettings): Promise<{ close(): Promise<void> }> {
  const store = new RedisStore(settings, () => undefined);
  await store.open(workerRecord(living));
  const timer = setInterval(() => {
    // Away for a moment in one of the tests.
    store
      .heartbeat(workerRecord(living), 0)
      .then((answer) => (answer === 'resync' ? store.resync(workerRecord(living), []) : undefined))
      .catch((error: unknown) => {
        assert.ok(error instanceof StoreUnavailableError, String(error));
      });
  }, settings.leaseMs / 6);
  return {
    close: async () => {
      clearInterval(timer);
      await store.close();
    },
  };
}

describe('the primary', () => {
  let server: RedisServer;
  before(async () => {
    server = await startRedisServer();
  });
  after(async () => {
    await server.dispose();
  });

  it('clears away a host that has fallen silent, though nobody lists', async () => {
    const settings = {
      ...redisSettings(server),
      keyPrefix: 'silent:',
      leaseMs: 1_500,
      removalGraceMs: 500,
    };
    const worker = new RedisStore(settings, (message) => assert.fail(message));
    const view = new PrimaryView(
      { kind: 'redis', sentence: '', redis: settings },
      // Less often than what counts as a pause: between sweeps it gives a sign that Redis takes writes.
      { leaseMs: settings.leaseMs, sweepIntervalMs: 400, log: pino({ level: 'silent' }) },
    );
    const alive = await keepAlive(settings);
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
      assert.equal(await server.cli('EXISTS', `silent:peers:${lost}`), '0');
      assert.equal(await server.cli('ZRANGE', 'silent:workers', '0', '-1'), living);
    } finally {
      await alive.close();
      await view.close();
      await worker.close();
    }
  });

  it('clears away nobody at once when Redis is back after longer than a lease', async () => {
    const settings = {
      ...redisSettings(server),
      keyPrefix: 'back:',
      leaseMs: 1_000,
      removalGraceMs: 600,
    };
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
    const alive = await keepAlive(settings);
    try {
      await worker.open(workerRecord(lost));
      await until('a sweep', swept);
      server.freeze();
      assert.equal(await swept(), false);
      await wait(settings.leaseMs);
      server.thaw();
      await until('a sweep after the outage', swept);
      assert.notEqual(await server.cli('ZSCORE', 'back:workers', lost), '');
      await until('who stays silent goes', async () => {
        await swept();
        return (await server.cli('ZRANGE', 'back:workers', '0', '-1')) === living;
      });
    } finally {
      server.thaw();
      await alive.close();
      await reaper.close();
      await worker.close();
    }
  });
});
