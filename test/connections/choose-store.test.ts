// Which store a configuration means, and the sentence that says so.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseStore } from '#src/connections/choose-store.js';
import { maskUrl } from '#src/connections/mask-url.js';
import { configSchema } from '#src/config/schema.js';
import { StartupError } from '#src/errors.js';

const url = 'redis://pear:s3cret@redis.example:6380/2';

describe('choosing the store of the view', () => {
  for (const [connections, kind, sentence] of [
    [{}, 'embedded', /this host only.*no connections\.redis\.url/],
    [{ redis: { url } }, 'redis', /all hosts.*redis:\/\/pear:\*\*\*@redis\.example:6380\/2.*pear:/],
    [{ store: 'redis', redis: { url } }, 'redis', /connections\.store is redis/],
    [
      { redis: { sentinels: ['h:1', 'i'], sentinel_name: 'm' } },
      'redis',
      /m of the Sentinels h:1, i\).*sentinels is/,
    ],
    [{ store: 'embedded' }, 'embedded', /connections\.store is embedded/],
    [{ store: 'embedded', redis: { url } }, 'embedded', /connections\.redis\.url is not used/],
    [{ store: 'none' }, 'none', /No view of connections is kept/],
  ] as const) {
    it(`takes ${kind} for ${JSON.stringify(connections).replace('s3cret', '***')}`, () => {
      const choice = chooseStore(configSchema.parse({ connections }));
      assert.equal(choice.kind, kind);
      assert.match(choice.sentence, sentence);
      assert.doesNotMatch(choice.sentence, /s3cret/);
    });
  }

  it('hands the settings of Redis on', () => {
    const choice = chooseStore(
      configSchema.parse({
        connections: { redis: { url, key_prefix: 'x:' }, lease_ms: 9_000, heartbeat_interval_ms: 2_000 },
      }),
    );
    assert(choice.kind === 'redis');
    const { access, ...rest } = choice.redis;
    assert.deepEqual([access.username, access.sentinels], [null, []]);
    assert.deepEqual(rest, {
      url,
      clientName: 'pear',
      keyPrefix: 'x:',
      commandTimeoutMs: 2_000,
      leaseMs: 9_000,
      removalGraceMs: 13_000,
      keyTtlMs: 60_000,
    });
  });

  it('names the connection after host and slot, in characters that Redis takes', () => {
    const choice = chooseStore(configSchema.parse({ connections: { redis: { url } } }), 'line 1\n:4');
    assert(choice.kind === 'redis');
    assert.equal(choice.redis.clientName, 'pear:line-1-:4');
  });

  it('refuses `redis` without a URL', () => {
    assert.throws(() => chooseStore(configSchema.parse({ connections: { store: 'redis' } })), StartupError);
  });
});

describe('masking a URL', () => {
  for (const [given, masked] of [
    ['redis://host:6379/0', 'redis://host:6379/0'],
    ['redis://:s3cret@host', 'redis://:***@host'],
    ['rediss://user:s%2Fcret@host:1/2?family=6', 'rediss://user:***@host:1/2?family=6'],
    ['redis://host?password=s3cret', 'redis://host?password=***'],
    ['redis://user:s3cret@host:port', 'redis://***'],
  ] as const) {
    it(`makes ${given} ${masked}`, () => {
      assert.equal(maskUrl(given), masked);
    });
  }
});
