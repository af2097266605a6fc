// The Redis store over TLS: whom it trusts, what it shows, and what it says of a certificate that it does not take.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { RedisSettings } from '#src/connections/choose-store.js';
import { probeRedis } from '#src/connections/redis/probe.js';
import { RedisStore } from '#src/connections/redis/store.js';
import { StartupError } from '#src/errors.js';
import { createAuthority, type Authority, type CertificateFiles } from '../../support/certificates.js';
import { freePort } from '../../support/free-port.js';
import { startRedisServer, type RedisServer } from '../../support/redis-server.js';
import { listAll, peerRecords, workerRecord } from '../records.js';
import { until } from '../until.js';
import { redisAccess, redisSettings } from '../views.js';

const one = 'pear-host:0:aaaa';
type TlsKeys = NonNullable<Parameters<typeof redisAccess>[0]['tls']>;

describe('the Redis store over TLS', () => {
  let authority: Authority;
  let stranger: Authority;
  let client: CertificateFiles;
  let strange: CertificateFiles;
  let server: RedisServer;
  let port: number;
  let strictServer: RedisServer;
  let strictPort: number;

  /** Takes whoever trusts it on its port; `clients`: whether it demands a certificate. */
  const startTls = async (tlsPort: number, { cert, key }: CertificateFiles, clients: 'yes' | 'no') =>
    startRedisServer(
      ...['--tls-port', String(tlsPort), '--tls-cert-file', cert, '--tls-key-file', key],
      ...['--tls-ca-cert-file', authority.ca, '--tls-auth-clients', clients, '--requirepass', 's3cret'],
    );
  before(async () => {
    [authority, stranger] = await Promise.all([createAuthority(), createAuthority()]);
    const files = await authority.issue('server', ['DNS:localhost', 'DNS:redis.example']);
    client = await authority.issue('client', ['DNS:client']);
    strange = await stranger.issue('client', ['DNS:client']);
    port = await freePort();
    server = await startTls(port, files, 'no');
    strictPort = await freePort();
    strictServer = await startTls(strictPort, files, 'yes');
  });
  after(async () => {
    await Promise.all([server, strictServer, authority, stranger].map((each) => each.dispose()));
  });

  const settingsFor = (tls: TlsKeys, url = `rediss://:s3cret@localhost:${port}/0`): RedisSettings => ({
    ...redisSettings({ url }),
    access: redisAccess({ tls }),
    commandTimeoutMs: 2_000,
  });

  it('keeps the view where the authority is known', async () => {
    const troubles: string[] = [];
    const settings = settingsFor({ ca_path: authority.ca });
    const store = new RedisStore(settings, (message) => troubles.push(message));
    await store.open(workerRecord(one));
    const peers = peerRecords(one, 3);
    await store.flush({ events: [], changed: peers, closed: [] });
    assert.equal((await listAll(store)).length, 3);
    await store.close();
    assert.deepEqual(troubles, []);
    await probeRedis(settings);
  });

  it('shows a certificate where Redis demands one', async () => {
    const url = `rediss://:s3cret@localhost:${strictPort}`;
    await probeRedis(
      settingsFor({ ca_path: authority.ca, cert_path: client.cert, key_path: client.key }, url),
    );
    const without = await problemOf(settingsFor({ ca_path: authority.ca }, url));
    assert.match(without, /demands a certificate.* set connections\.redis\.tls\.cert_path and key_path/);
    const files = { ca_path: authority.ca, cert_path: strange.cert, key_path: strange.key };
    assert.match(
      await problemOf(settingsFor(files, url)),
      /not accept (our certificate|the certificate in connections\.redis\.tls\.cert_path)/,
    );
  });

  it('refuses a certificate that nobody trusted has issued, and names the cure', async () => {
    const words = /name the PEM file of its authority in connections\.redis\.tls\.ca_path/;
    assert.match(await problemOf(settingsFor({})), words);
    assert.match(await problemOf(settingsFor({ ca_path: stranger.ca })), words);
  });

  it('takes any certificate where `verify` is false', async () => {
    await probeRedis(settingsFor({ verify: false }));
  });

  it('refuses a certificate for another name, and takes it where that name is expected', async () => {
    const url = `rediss://:s3cret@127.0.0.1:${port}`;
    assert.match(await problemOf(settingsFor({ ca_path: authority.ca }, url)), /tls\.server_name/);
    await probeRedis(settingsFor({ ca_path: authority.ca, server_name: 'redis.example' }, url));
    const wrong = settingsFor({ ca_path: authority.ca, server_name: 'other.example' }, url);
    assert.match(await problemOf(wrong), /tls\.server_name/);
  });

  it('refuses a certificate that has expired', async () => {
    const expiredPort = await freePort();
    const files = await authority.issue('expired', ['DNS:localhost'], -1);
    const expired = await startTls(expiredPort, files, 'no');
    try {
      const settings = settingsFor({ ca_path: authority.ca }, `rediss://:s3cret@localhost:${expiredPort}`);
      assert.match(await problemOf(settings), /certificate has expired; renew its certificate/);
    } finally {
      await expired.dispose();
    }
  });

  it('says so where one side speaks TLS and the other does not', async () => {
    const plainPort = await freePort();
    const plain = await startRedisServer('--port', String(plainPort));
    try {
      const tls = settingsFor({ ca_path: authority.ca }, `rediss://localhost:${plainPort}`);
      assert.match(await problemOf(tls), /does not speak TLS at this port/);
      const words = await problemOf(settingsFor({}, `redis://:s3cret@localhost:${port}`));
      assert.match(words, /if it speaks TLS at this port, write rediss:/);
    } finally {
      await plain.dispose();
    }
  });

  it('logs one line of a certificate that it does not take, and heals when Redis has another', async () => {
    const ownPort = await freePort();
    const wrong = await stranger.issue('server', ['DNS:localhost']);
    let own = await startTls(ownPort, wrong, 'no');
    const troubles: string[] = [];
    const settings = settingsFor({ ca_path: authority.ca }, `rediss://:s3cret@localhost:${ownPort}`);
    const store = new RedisStore({ ...settings, commandTimeoutMs: 1_000 }, (message) =>
      troubles.push(message),
    );
    await assert.rejects(store.open(workerRecord(one)));
    await own.dispose();
    own = await startTls(ownPort, await authority.issue('right', ['DNS:localhost']), 'no');
    try {
      await until('the store is back', async () => {
        try {
          return (await store.heartbeat(workerRecord(one), 0)) === 'resync';
        } catch {
          return false;
        }
      });
      assert.equal(troubles.length, 2, troubles.join('\n'));
      assert.match(troubles[0] ?? '', /is away: .*tls\.ca_path/);
      assert.doesNotMatch(troubles.join(), /s3cret/);
    } finally {
      await store.close();
      await own.dispose();
    }
  });

  describe('names the key of a file', () => {
    const refused = async (tls: TlsKeys, words: RegExp) => {
      const settings = settingsFor(tls);
      assert.match(await problemOf(settings), words);
      assert.throws(() => new RedisStore(settings, () => undefined), StartupError);
    };
    it('that is not there', async () => {
      await refused(
        { ca_path: '/nowhere/ca.crt' },
        /^connections\.redis\.tls\.ca_path: \/nowhere\/ca\.crt cannot be read \(ENOENT\)/,
      );
      await refused(
        { cert_path: client.cert, key_path: '/nowhere/key' },
        /^connections\.redis\.tls\.key_path: /,
      );
    });
    it('that holds something else', async () => {
      const file = join(authority.folder, 'text');
      await writeFile(file, 'no certificate');
      await refused(
        { ca_path: file },
        /^connections\.redis\.tls\.ca_path: .* has no certificate in PEM format/,
      );
      await refused({ cert_path: client.key, key_path: client.key }, /tls\.cert_path: .* has no certificate/);
      await refused(
        { cert_path: client.cert, key_path: client.cert },
        /tls\.key_path: .* has no private key/,
      );
    });
    it('that does not fit the other', async () => {
      await refused(
        { cert_path: client.cert, key_path: strange.key },
        /^connections\.redis\.tls: .*mismatch/,
      );
    });
  });
});

/** Why the server would not start with these settings. */
async function problemOf(settings: RedisSettings): Promise<string> {
  let problem = '';
  await assert.rejects(probeRedis(settings), (error) => {
    assert.ok(error instanceof StartupError, String(error));
    assert.notEqual(error.cure, '');
    for (let at: unknown = error; at instanceof Error; at = at.cause) {
      assert.doesNotMatch(`${at.stack ?? ''} ${JSON.stringify(at)}`, /s3cret/);
    }
    problem = error.message;
    return true;
  });
  return problem;
}
