// The Redis store as a user of Redis's ACL: what docs/inspection.md says is enough, and what is missing is told.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { RedisSettings } from '#src/connections/choose-store.js';
import { createClient } from '#src/connections/redis/client.js';
import { probeRedis } from '#src/connections/redis/probe.js';
import { RedisStore } from '#src/connections/redis/store.js';
import { StartupError, StoreUnavailableError } from '#src/errors.js';
import { startRedisServer, type RedisServer } from '../../support/redis-server.js';
import { storeContract } from '../contract.js';
import { listAll, peerRecord, workerRecord } from '../records.js';
import { until } from '../until.js';
import { redisAccess, redisSettings, redisViewFactory } from '../views.js';

const one = 'pear-host:0:aaaa';
/** With characters that a URL and YAML read in their own ways. */
const secret = 's3cret #/@%:"';

/** The rule of docs/inspection.md for this user, word by word. */
async function documentedRule(user: 'pear' | 'look'): Promise<string[]> {
  const text = await readFile(new URL('../../../docs/inspection.md', import.meta.url), 'utf8');
  const rule = new RegExp(`^redis-cli ACL SETUSER (${user} on .*)$`, 'm').exec(text)?.[1];
  assert.ok(rule !== undefined, 'docs/inspection.md has the rule');
  const words = rule.split(' ').map((word) => {
    assert.ok(/^'[^']*'$|^[\w|@+-]+$/.test(word), `${word} has to be quoted for a shell`);
    return word.replaceAll("'", '');
  });
  return words.map((word) => (word === '>SECRET' ? `>${secret}` : word));
}

describe('as a user with the documented rights', () => {
  let server: RedisServer;
  let folder: string;
  let rule: string[];
  before(async () => {
    server = await startRedisServer();
    folder = await mkdtemp(join(tmpdir(), 'pear-acl-'));
    rule = await documentedRule('pear');
    assert.equal(await server.cli('ACL', 'SETUSER', ...rule), 'OK');
    await writeFile(join(folder, 'password'), `${secret}\n`);
  });
  after(async () => {
    await server.dispose();
    await rm(folder, { recursive: true, force: true });
  });
  const withUrl = () => ({
    url: server.url.replace('redis://', `redis://pear:${encodeURIComponent(secret)}@`),
  });
  const settingsOf = (changes: Partial<RedisSettings>): RedisSettings => ({
    ...redisSettings(server),
    ...changes,
  });

  storeContract(
    'redis',
    redisViewFactory(() => server, withUrl),
  );

  it('the look before the start succeeds', async () => {
    await probeRedis(settingsOf(withUrl()));
  });

  it('channels carry, and answers can be left', async () => {
    const settings = settingsOf(withUrl());
    const [subscriber, client] = [createClient(settings), createClient(settings)];
    try {
      await Promise.all([subscriber.connect(), client.connect()]);
      assert.equal(
        await subscriber.call('CLIENT', 'KILL', 'ID', await subscriber.client('ID'), 'TYPE', 'pubsub'),
        0,
      );
      await subscriber.subscribe('pear:control:pear-host');
      const heard = once(subscriber, 'message');
      assert.equal(await client.publish('pear:control:pear-host', 'ping'), 1);
      assert.deepEqual(await heard, ['pear:control:pear-host', 'ping']);
      await client.rpush('pear:reply:1', 'answer');
      await client.pexpire('pear:reply:1', 1_000);
      assert.deepEqual(await client.lpop('pear:reply:1', 10), ['answer']);
      await assert.rejects(client.subscribe('other'), /NOPERM/);
    } finally {
      subscriber.disconnect();
      client.disconnect();
    }
  });

  it('a user who only looks can do what the page shows for it, and no more', async () => {
    assert.equal(await server.cli('ACL', 'SETUSER', ...(await documentedRule('look'))), 'OK');
    const ask = (...words: string[]) =>
      server.cli('--user', 'look', '--pass', secret, '--no-auth-warning', ...words);
    const shown = [
      ['ZRANGE', 'pear:workers', '0', '-1', 'WITHSCORES'],
      ['HMGET', 'pear:worker:a', 'state', 'peers'],
      ['HLEN', 'pear:peers:a'],
      ['HGET', 'pear:peers:a', 'id'],
      ['HSCAN', 'pear:peers:a', '0'],
      ['HVALS', 'pear:peers:a'],
      ['PTTL', 'pear:peers:a'],
      ['XREVRANGE', 'pear:events', '+', '-', 'COUNT', '10'],
      ['XREAD', 'BLOCK', '1', 'STREAMS', 'pear:events', '$'],
      ['PUBSUB', 'CHANNELS', 'pear:control:*'],
      ['PUBSUB', 'NUMSUB', 'pear:control:line-1'],
      ['CLIENT', 'LIST', 'TYPE', 'pubsub'],
    ];
    for (const words of shown) assert.doesNotMatch(await ask(...words), /NOPERM/, words.join(' '));
    for (const words of [
      ['DEL', 'pear:events'],
      ['GET', 'other'],
      ['PUBLISH', 'pear:control:a', 'b'],
    ])
      assert.match(await ask(...words), /NOPERM/, words.join(' '));
    const url = server.url.replace('redis://', `redis://look:${encodeURIComponent(secret)}@`);
    const watcher = createClient(settingsOf({ url }));
    try {
      await watcher.connect();
      await watcher.subscribe('pear:control:line-1');
      await assert.rejects(watcher.subscribe('other'), /NOPERM/);
    } finally {
      watcher.disconnect();
    }
  });

  it('another database can be used, and nothing of other keys', async () => {
    const url = withUrl().url.replace('localhost/0', 'localhost/3');
    await probeRedis(settingsOf({ url }));
    await refused(settingsOf({ ...withUrl(), keyPrefix: 'other:' }), /NOPERM .*docs\/inspection\.md/);
  });

  it('user and password may stand in keys of their own, the password in a file', async () => {
    await probeRedis(settingsOf({ access: redisAccess({ username: 'pear', password: secret }) }));
    const password_path = join(folder, 'password');
    await probeRedis(settingsOf({ access: redisAccess({ username: 'pear', password_path }) }));
    const url = server.url.replace('redis://', 'redis://pear@');
    await probeRedis(settingsOf({ url, access: redisAccess({ password_path }) }));
  });

  it('a file with the password that is missing or empty is named', async () => {
    const missing = settingsOf({
      access: redisAccess({ username: 'pear', password_path: '/nowhere/password' }),
    });
    await refused(
      missing,
      /^connections\.redis\.password_path: \/nowhere\/password cannot be read \(ENOENT\)/,
    );
    const password_path = join(folder, 'empty');
    await writeFile(password_path, '\n');
    const empty = settingsOf({ access: redisAccess({ username: 'pear', password_path }) });
    await refused(empty, /^connections\.redis\.password_path: .* is empty/);
  });

  it('CLIENT LIST tells host and slot', async () => {
    const store = new RedisStore(settingsOf({ ...withUrl(), clientName: 'pear:line-1:4' }), () => undefined);
    await store.open(workerRecord(one));
    assert.match(await server.cli('CLIENT', 'LIST'), / name=pear:line-1:4 .* user=pear /);
    await store.close();
  });

  describe('what is wrong is told with the cure, and never with the secret:', () => {
    it('a wrong password', async () => {
      const url = server.url.replace('redis://', 'redis://pear:wr0ng@');
      await refused(
        settingsOf({ url }),
        /WRONGPASS .*correct connections\.redis\.username and password_path/,
      );
    });

    it('no password where one is wanted', async () => {
      const locked = await startRedisServer('--requirepass', secret);
      try {
        await refused(redisSettings(locked), /NOAUTH .*set connections\.redis\.username and password_path/);
      } finally {
        await locked.dispose();
      }
    });

    it('a right that is taken away: one line, and the view heals when it is given back', async () => {
      const troubles: string[] = [];
      const settings = settingsOf({ ...withUrl(), keyPrefix: 'pear:rights:' });
      const store = new RedisStore(settings, (message) => troubles.push(message));
      await store.open(workerRecord(one));
      await server.cli('ACL', 'SETUSER', 'pear', '-hset');
      const peer = peerRecord(one, 1);
      const flush = () => store.flush({ events: [], changed: [peer], closed: [] });
      for (let time = 0; time < 3; time++) await assert.rejects(flush(), StoreUnavailableError);
      await server.cli('ACL', 'SETUSER', ...rule);
      await until(
        'the heartbeat arrives',
        async () => (await store.heartbeat(workerRecord(one), 1)) === 'resync',
      );
      await store.resync(workerRecord(one), [peer]);
      assert.deepEqual(await listAll(store), [peer]);
      await store.close();
      assert.equal(troubles.length, 1, troubles.join('\n'));
      assert.match(troubles[0] ?? '', /lacks a right; docs\/inspection\.md has the ACL rule/);
    });
  });
});

async function refused(settings: RedisSettings, words: RegExp): Promise<void> {
  await assert.rejects(probeRedis({ ...settings, commandTimeoutMs: 1_000 }), (error) => {
    assert.ok(error instanceof StartupError, String(error));
    assert.match(error.message, words);
    for (let at: unknown = error; at instanceof Error; at = at.cause) {
      const shown = `${at.stack ?? ''} ${JSON.stringify(at)} ${error.cure}`;
      assert.ok(
        !/wr0ng/.test(shown) && !shown.includes(secret) && !shown.includes(encodeURIComponent(secret)),
      );
    }
    return true;
  });
}
