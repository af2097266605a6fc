// The Redis store where Sentinels say which Redis is the master: it finds it, follows a failover by itself, and says
// what is wrong where no Sentinel leads anywhere.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RedisSettings } from '#src/connections/choose-store.js';
import { probeRedis } from '#src/connections/redis/probe.js';
import { RedisStore } from '#src/connections/redis/store.js';
import { StartupError, StoreUnavailableError } from '#src/errors.js';
import { eventually } from '../../support/deadline.js';
import { freePort } from '../../support/free-port.js';
import { startSentinel, type SentinelSetup } from '../../support/sentinel.js';
import { byId, listAll, peerRecords, workerRecord } from '../records.js';
import { redisAccess, redisSettings } from '../views.js';

const one = 'pear-host:0:aaaa';
const name = 'pears';
const passwords = { redis: 'redis-s3cret', sentinel: 's3ntinel' };
/** The Sentinel's own patience, an election, and a slow machine. */
const failoverTimeoutMs = 60_000;

describe('the Redis store behind Sentinels', () => {
  let setup: SentinelSetup;
  let silentPort: number;
  before(async () => {
    setup = await startSentinel(name, passwords);
    silentPort = await freePort();
  });
  after(async () => {
    await setup.dispose();
  });
  type Keys = Parameters<typeof redisAccess>[0];
  const settingsWith = (keys: Keys = {}): RedisSettings => ({
    ...redisSettings({ url: '' }),
    url: null,
    access: redisAccess({
      // The first one is down.
      sentinels: [`127.0.0.1:${silentPort}`, setup.address],
      sentinel_name: name,
      sentinel_password: passwords.sentinel,
      password: passwords.redis,
      ...keys,
    }),
  });

  it('finds the master by any Sentinel that answers', async () => {
    await probeRedis(settingsWith());
  });

  it('takes database, user and password from the URL where there is one', async () => {
    await probeRedis({ ...settingsWith({ password: null }), url: `redis://:${passwords.redis}@nowhere/2` });
  });

  it('says so where nobody answers, where no master has that name, and where a password is wrong', async () => {
    const sentinels = [`127.0.0.1:${silentPort}`];
    await refused(settingsWith({ sentinels }), /no Sentinel leads to it: .*connections\.redis\.sentinels/);
    const wrongName = settingsWith({ sentinel_name: 'apples', sentinels: [setup.address] });
    await refused(wrongName, /know no master apples; correct connections\.redis\.sentinel_name/);
    const wrongSentinel = settingsWith({ sentinel_password: 'wr0ng', sentinels: [setup.address] });
    await refused(
      wrongSentinel,
      /WRONGPASS.*connections\.redis\.sentinel_username and sentinel_password_path/,
    );
    await refused(settingsWith({ password: 'wr0ng' }), /WRONGPASS.*connections\.redis\.username/);
  });

  it('follows a failover by itself: after a resync everything is shown again', async () => {
    const troubles: string[] = [];
    const store = new RedisStore(settingsWith(), (message) => troubles.push(message));
    const peers = peerRecords(one, 700);
    try {
      await store.open(workerRecord(one));
      await store.flush({ events: [], changed: peers, closed: [] });
      assert.equal(await store.heartbeat(workerRecord(one), peers.length), 'ok');

      await setup.master.stop();
      await eventually(
        'the replica becomes the master',
        async () => {
          return (await setup.currentPort()) === setup.replicaPort || null;
        },
        failoverTimeoutMs,
      );
      const answer = await eventually(
        'a heartbeat arrives',
        () => beat(store, peers.length),
        failoverTimeoutMs,
      );
      if (answer === 'resync') await store.resync(workerRecord(one), peers);
      assert.equal(await store.heartbeat(workerRecord(one), peers.length), 'ok');
      assert.deepEqual(byId(await listAll(store, { limit: 500 })), byId(peers));
      assert.match(
        troubles[0] ?? '',
        new RegExp(`${name} of the Sentinels 127\\.0\\.0\\.1:\\d+, .* is away`),
      );
      assert.match(troubles.at(-1) ?? '', /is back|takes writes again/);
      assert.doesNotMatch(troubles.join('\n'), /redis-s3cret|s3ntinel/);
    } finally {
      await store.close();
    }
  });
});

/** Null where the heartbeat does not arrive. */
async function beat(store: RedisStore, count: number): Promise<'ok' | 'resync' | null> {
  try {
    return await store.heartbeat(workerRecord(one), count);
  } catch (error) {
    assert.ok(error instanceof StoreUnavailableError, String(error));
    return null;
  }
}

async function refused(settings: RedisSettings, words: RegExp): Promise<void> {
  await assert.rejects(probeRedis({ ...settings, commandTimeoutMs: 1_000 }), (error) => {
    assert.ok(error instanceof StartupError, String(error));
    assert.match(error.message, words);
    assert.doesNotMatch(`${error.stack ?? ''} ${String(error.cause)}`, /wr0ng|redis-s3cret|s3ntinel/);
    return true;
  });
}
