// Secrets: tokens, passwords and keys come from files or the environment, and are found in nothing that the server says.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { roles } from '#src/config/schema.js';
import { ask } from '../../admin/admin.js';
import { pearWith, placesOf } from '../../cli/pear.js';
import { createAuthority } from '../../support/certificates.js';
import { startRedisServer } from '../../support/redis-server.js';
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

test('passwords of Redis and private keys are never logged, and never appear in the view, the status, the metrics or an error', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'pear-secrets-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const authority = await createAuthority();
  t.after(() => authority.dispose());
  const own = await authority.issue('own', ['DNS:localhost']);
  // As no log would have it by chance; in a URL it stands percent-encoded.
  const password = 'r3dis:p@ss/w0rd-0123456789';
  const wrongPassword = 'wr0ng:p@ss/w0rd-0123456789';
  const redis = await startRedisServer('--requirepass', password);
  t.after(() => redis.dispose());
  const path = join(folder, 'redis.password');
  await writeFile(path, `${password}\n`, { mode: 0o600 });
  const key = await readFile(own.key, 'utf8');
  const secrets = [
    ...[password, wrongPassword].flatMap((each) => [each, encodeURIComponent(each)]),
    // Each line of the key.
    ...key.split('\n').filter((line) => line.length >= 40),
  ];
  assert.ok(secrets.length > 4);
  const tls = (section: string) => [
    ...[`--${section}.tls.cert_path`, own.cert, `--${section}.tls.key_path`, own.key],
  ];
  const options = ['--cluster.workers', '1', '--logging.level', 'trace', '--connections.store', 'redis'];
  const said: string[] = [];

  const server = await startServerWith(
    t,
    { PEAR_CONNECTIONS__REDIS__URL: redis.url },
    ...[...options, '--connections.redis.password_path', path, ...tls('server'), ...tls('admin')],
    ...['--security.default_role', 'admin'],
  );
  const ca = await readFile(authority.ca, 'utf8');
  const wire = await Wire.openTls(server.port, { ca });
  for (const cmd of [0x40, 0x44, 0x22, 0x32]) said.push(await wire.ask(request(cmd, null)));
  const { admin } = await placesOf(server);
  const port = Number(admin[1]?.split(':')[1]);
  const places = ['/metrics', '/api/status', '/api/connections', '/api/closed', '/api/events?format=json'];
  for (const each of [...places, '/readyz', '/api/nothing'])
    said.push((await ask(port, each, { tls: { ca } })).text);
  const peers = await pearWith(
    {},
    'peers',
    '--json',
    '--connect',
    `127.0.0.1:${server.port}`,
    '--ca',
    authority.ca,
    '--servername',
    'localhost',
  );
  said.push(peers.stdout, peers.stderr);
  // What is wrong with a key or with Redis is told, too, while it serves and at the start.
  await writeFile(own.key, key.slice(0, -60));
  await server.line(({ msg }) => /key_path: .* is damaged/.test(msg));
  await redis.cli('-a', password, 'CONFIG', 'SET', 'requirepass', wrongPassword);
  await redis.cli('-a', wrongPassword, 'CLIENT', 'KILL', 'TYPE', 'normal');
  await server.line(({ level, msg }) => level >= 40 && /Redis/.test(msg));
  wire.close();
  assert.equal(await server.stop(), 0);
  said.push(server.errors, ...server.lines.map((line) => JSON.stringify(line)));
  for (const given of [
    ['--connections.redis.url', redis.url.replace('redis://', `redis://:${encodeURIComponent(password)}@`)],
    ['--connections.redis.url', `redis://:${encodeURIComponent(password)}@127.0.0.1:1`],
  ]) {
    const { exitCode, errors } = await runServer(...options, ...given);
    assert.notEqual(exitCode, 0);
    said.push(errors);
  }

  const all = said.join('\n');
  assert.match(all, /WRONGPASS/);
  for (const secret of secrets) assert.ok(!all.includes(secret), 'a secret was told');
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
