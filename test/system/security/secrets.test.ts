// Secrets: tokens, passwords and keys come from files or the environment, and are found in nothing that the server says.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { writeOnnx } from '#src/cli/bench/onnx-writer.js';
import type { LocalServer } from '#src/cli/local-server.js';
import { roles } from '#src/config/schema.js';
import { ask } from '../../admin/admin.js';
import { pearWith, placesOf } from '../../cli/pear.js';
import { endless, sidecar } from '../../support/bad-models.js';
import { createAuthority, type Authority } from '../../support/certificates.js';
import { ChangeableServer, first } from '../../support/changeable-server.js';
import { eventually } from '../../support/deadline.js';
import { childrenOf } from '../../support/processes.js';
import { startRedisServer, type RedisServer } from '../../support/redis-server.js';
import { item, reply, request } from '../../support/replies.js';
import { runServer, startServerWith } from '../../support/server.js';
import { authenticate, nameOf, sha256, tokens, wrongToken } from '../../support/tokens.js';
import { Wire } from '../../support/wire.js';

test('tokens are never logged, and never appear in the view, the status, the metrics or an error', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'pear-tokens-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'admin.token');
  await writeFile(path, `${tokens.admin}\n`, { mode: 0o644 });
  const entries = roles.map((role) => ({
    name: nameOf(role),
    role,
    ...(role === 'admin' ? { token_path: path } : { sha256: sha256(tokens[role]) }),
  }));
  const server = await startServerWith(
    t,
    { PEAR_SECURITY__TOKENS: JSON.stringify(entries) },
    ...[
      '--cluster.workers',
      '1',
      '--logging.level',
      'trace',
      '--security.failed_authentication_delay_ms',
      '1',
    ],
  );
  const said: string[] = [];
  const wire = await Wire.open(server.port);
  assert.equal(await wire.ask(authenticate(tokens.viewer)), reply(0x11, item(null, 2, 0)));
  said.push(await wire.ask(authenticate(wrongToken)));
  assert.equal(await wire.ask(authenticate(tokens.admin)), reply(0x11, item(null, 2, 0)));
  // In places where none is expected, too.
  for (const secret of [wrongToken, tokens.operator]) {
    for (const args of [[secret, secret], [{ token: secret }], [{ identity: secret }]]) {
      said.push(await wire.ask(request(0x10, args)), await wire.ask(request(0x44, args)));
    }
    said.push(await wire.ask(`{"cmd": 0x10, "request_data": ["${secret}"`.replace('0x10', '0x10,,') + '}'));
    said.push(await wire.ask(`Authorization: Bearer ${secret}\r\n`));
  }
  for (const cmd of [0x40, 0x44]) said.push(await wire.ask(request(cmd, null)));
  const { admin } = await placesOf(server);
  const port = Number(admin[1]?.split(':')[1]);
  for (const token of [tokens.admin, wrongToken]) {
    const headers = { authorization: `Bearer ${token}` };
    for (const each of [
      '/metrics',
      '/api/status',
      '/api/connections',
      '/api/events?format=json',
      '/api/nothing',
    ]) {
      said.push((await ask(port, each, { headers })).text);
    }
  }
  said.push((await ask(port, '/metrics', { headers: { authorization: tokens.admin } })).text);
  wire.close();
  await server.line(({ msg }) => msg === 'disconnected');
  assert.equal(await server.stop(), 0);
  said.push(server.errors, ...server.lines.map((line) => JSON.stringify(line)));

  const all = said.join('\n');
  assert.match(all, /everybody on this machine can read/);
  assert.match(all, new RegExp(`"identity": ?"${nameOf('admin')}"`), 'it would be found');
  for (const secret of [...Object.values(tokens), wrongToken]) {
    assert.ok(!all.includes(secret), 'a token was told');
    assert.ok(!all.includes(sha256(secret)), 'the hash of a token was told');
  }
});

test('a token that stands in the configuration itself is refused and not told', async () => {
  const entry = JSON.stringify([{ name: 'a', role: 'admin', token: tokens.admin }]);
  const { exitCode, errors } = await runServer('--security.tokens', entry);
  assert.equal(exitCode, 78);
  assert.match(
    errors,
    /security\.tokens\[0\]: the value \(not shown\) is not .* tokens themselves never stand in a configuration/,
  );
  assert.ok(!errors.includes(tokens.admin));
});

test('a token file that cannot be read, or holds too short a token, stops the start with the cure', async () => {
  const entry = JSON.stringify([{ name: 'a', role: 'admin', token_path: '/nowhere/token' }]);
  const { exitCode, errors } = await runServer('--security.tokens', entry);
  assert.equal(exitCode, 1);
  assert.match(
    errors,
    /^cannot start: security\.tokens\[0\]\.token_path: \/nowhere\/token cannot be read \(ENOENT\); correct the path/,
  );
});

describe('a server with a password for Redis in the environment, and keys in files', () => {
  /** With characters that a URL and YAML read in their own ways. */
  const password = 's3cret-of-redis #/@%:"';
  const urlOf = (redis: RedisServer) =>
    redis.url.replace('redis://', `redis://:${encodeURIComponent(password)}@`);
  const ends: (() => unknown)[] = [];
  const place = new ChangeableServer(null);
  const said: string[] = [];
  let redis: RedisServer;
  let authority: Authority;
  let keyText: string;
  let server: LocalServer;
  let wire: Wire;
  let adminPort: number;

  before(async () => {
    [redis, authority] = await Promise.all([startRedisServer('--requirepass', password), createAuthority()]);
    ends.push(
      () => redis.dispose(),
      () => authority.dispose(),
    );
    const { cert, key } = await authority.issue('server', ['DNS:localhost']);
    keyText = readFileSync(key, 'utf8');
    writeFileSync(join(place.models, 'endless.onnx'), writeOnnx(endless));
    writeFileSync(join(place.models, 'endless.yaml'), sidecar);
    server = await startServerWith(
      null,
      { PEAR_CONNECTIONS__REDIS__URL: urlOf(redis) },
      ...[
        '--cluster.workers',
        '1',
        '--logging.level',
        'trace',
        '--model.model_path',
        join(place.models, first),
      ],
      ...['--server.tls.cert_path', cert, '--server.tls.key_path', key],
    );
    ends.push(() => {
      server.kill();
    });
    adminPort = Number((await placesOf(server)).admin[1]?.split(':')[1]);
    wire = await Wire.openTls(server.port, { ca: readFileSync(authority.ca) });
    ends.push(() => {
      wire.close();
    });
  });
  after(async () => {
    for (const end of ends.toReversed()) await end();
    place.remove();
  });

  /** Everything that a client or a person can ask for. */
  async function askAll(): Promise<void> {
    for (const cmd of [0x22, 0x24, 0x32, 0x36, 0x40, 0x44]) said.push(await wire.ask(request(cmd, null)));
    for (const path of [
      '/',
      '/livez',
      '/readyz',
      '/metrics',
      '/api/status',
      '/api/connections',
      '/api/closed',
    ]) {
      said.push((await ask(adminPort, path)).text);
    }
    for (const path of ['/api/events?format=json', '/api/downloads', '/api/connections?cursor=x']) {
      said.push((await ask(adminPort, path)).text);
    }
  }

  function assertUntold(text: string): void {
    const lines = keyText.split('\n').filter((line) => line.length > 20 && !line.includes('PRIVATE KEY'));
    assert.ok(lines.length > 1);
    for (const secret of [password, encodeURIComponent(password), 's3cret', ...lines]) {
      assert.ok(!text.includes(secret), 'a secret was told');
    }
  }

  test('tells neither while all is well, nor when Redis does not take the password any more, nor when it is gone', async () => {
    await server.line(({ msg }) => msg.includes('the view of connections') || msg.includes('Redis at'));
    await askAll();
    await redis.cli('--no-auth-warning', '-a', password, 'CONFIG', 'SET', 'requirepass', 'another');
    await redis.cli('--no-auth-warning', '-a', 'another', 'CLIENT', 'KILL', 'TYPE', 'normal');
    await server.line(({ msg, reason }) => `${msg} ${String(reason)}`.includes('WRONGPASS'));
    await askAll();
    await redis.stop();
    await askAll();
  });

  test('tells neither in the titles and options of its processes', async () => {
    const pids = [server.pid, ...(await workersOf())];
    assert.equal(pids.length, 2);
    for (const pid of pids) {
      const title = readFileSync(`/proc/${pid}/comm`, 'latin1');
      said.push(title, readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
    }
  });

  test('gives no process that tries a foreign model a secret to know', async () => {
    wire.send(request(0x26, ['endless.onnx']));
    const proof = await eventually('the model is tried', () => {
      const isProof = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('prove-model');
      return childrenOf(server.pid).find(isProof) ?? null;
    });
    const environment = readFileSync(`/proc/${proof}/environ`, 'latin1');
    assert.match(environment, /PATH=/);
    assert.doesNotMatch(environment, /PEAR_|REDIS/);
    said.push(environment, readFileSync(`/proc/${proof}/cmdline`, 'latin1'));
  });

  test('is spoken to by tools that do not tell them either', async () => {
    const port = ['--connect', `localhost:${server.port}`];
    for (const args of [
      ['peers', ...port],
      ['peers', ...port, '--ca', '/nowhere/ca.crt'],
    ]) {
      const { stdout, stderr } = await pearWith({ PEAR_CONNECTIONS__REDIS__URL: urlOf(redis) }, ...args);
      said.push(stdout, stderr);
    }
  });

  test('has said none of it by its end', async () => {
    wire.close();
    assert.equal(await server.stop(), 0);
    said.push(server.errors, ...server.lines.map((line) => JSON.stringify(line)));
    const all = said.join('\n');
    assert.match(all, /Redis at redis:\/\/:\*\*\*@localhost/, 'it would be found');
    assertUntold(all);
  });

  async function workersOf(): Promise<number[]> {
    const text = await wire.ask(request(0x44, null));
    return [...text.matchAll(/"pid": (\d+)/g)].map(([, pid]) => Number(pid));
  }
});
