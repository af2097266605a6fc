// Secrets: tokens come from files or as hashes, and are found in nothing that the server says.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { roles } from '#src/config/schema.js';
import { ask } from '../../admin/admin.js';
import { placesOf } from '../../cli/pear.js';
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
