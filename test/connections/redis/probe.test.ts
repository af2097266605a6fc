// The look at Redis before the start: what it accepts, what it refuses and how it says so.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isTooOld, probeRedis } from '#src/connections/redis/probe.js';
import { StartupError } from '#src/errors.js';
import { startRedisServer, type RedisServer } from '../../support/redis-server.js';
import { redisSettings } from '../views.js';

describe('probing Redis', () => {
  let server: RedisServer;
  before(async () => {
    server = await startRedisServer('--requirepass', 's3cret');
  });
  after(async () => {
    await server.dispose();
  });
  const withPassword = (password: string) => server.url.replace('redis://', `redis://:${password}@`);

  it('gives the version', async () => {
    const { version } = await probeRedis(redisSettings({ url: withPassword('s3cret') }));
    assert.match(version, /^\d+\.\d+\.\d+$/);
  });

  it('refuses a wrong password without showing it', async () => {
    await refuses(withPassword('wr0ng'), /WRONGPASS/);
  });

  it('refuses where nobody listens', async () => {
    await refuses('redis://:wr0ng@localhost/0?path=/nowhere/redis.sock', /ENOENT/);
  });

  it('refuses what is no URL', async () => {
    await refuses('redis://:wr0ng@host:port', /not a URL/);
  });

  for (const [version, tooOld] of [
    ['5.0.14', true],
    ['6.0.20', true],
    ['6.2.0', false],
    ['7.0.15', false],
    ['10.0.0', false],
    ['unknown', true],
  ] as const) {
    it(`takes version ${version} for ${tooOld ? 'too old' : 'new enough'}`, () => {
      assert.equal(isTooOld(version), tooOld);
    });
  }
});

async function refuses(url: string, problem: RegExp): Promise<void> {
  await assert.rejects(probeRedis({ ...redisSettings({ url }), commandTimeoutMs: 300 }), (error) => {
    assert.ok(error instanceof StartupError, String(error));
    assert.match(error.message, problem);
    assert.notEqual(error.cure, '');
    assert.doesNotMatch(`${error.stack ?? ''} ${error.cure}`, /wr0ng/);
    return true;
  });
}
