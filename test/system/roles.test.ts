// Who may use which command: every command with every role, from the machine itself and from elsewhere.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LocalServer } from '#src/cli/local-server.js';
import { item, refused, reply, request } from '../support/replies.js';
import { assertRole } from '../support/role-matrix.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';

/** A connection from the machine itself, and one that a balancer forwarded from elsewhere. */
const local = (server: LocalServer) => Wire.open(server.port);
async function foreign(server: LocalServer): Promise<Wire> {
  const wire = await Wire.open(server.port, '127.0.0.2');
  wire.send('PROXY TCP4 192.0.2.7 192.0.2.1 51000 9090\r\n');
  return wire;
}
const balancer = ['--cluster.workers', '1', '--server.proxy_protocol', '["127.0.0.2"]'];

for (const [defaultRole, loopbackRole, localAfterGarbage, foreignAfterGarbage] of [
  ['viewer', 'admin', 'viewer', 'viewer'],
  ['operator', 'viewer', 'viewer', 'operator'],
  ['admin', 'admin', 'operator', 'operator'],
] as const) {
  test(`strangers are ${defaultRole} and the machine itself is ${loopbackRole}, as configured`, async (t) => {
    const roles = ['--security.default_role', defaultRole, '--security.loopback_role', loopbackRole];
    const server = await startServer(t, ...balancer, ...roles);
    await assertRole(await foreign(server), defaultRole);
    await assertRole(await local(server), loopbackRole);
    await assertRole(await afterGarbage(local(server)), localAfterGarbage);
    await assertRole(await afterGarbage(foreign(server)), foreignAfterGarbage);
    assert.equal(await server.stop(), 0);
  });
}

test('without configuration everybody may judge and look, and only the machine itself may change things', async (t) => {
  const server = await startServer(t, ...balancer);
  await assertRole(await foreign(server), 'operator');
  await assertRole(await local(server), 'admin');
  const line = await server.line(({ msg }) => msg === 'a request was not permitted');
  assert.match(String(line['reason']), /needs the role admin; this connection has the role operator$/);
  assert.match(String(line['peer']), /\/1\./, 'which tells whose it was');
  await garbage(server);
  assert.equal(await server.stop(), 0);
});

async function afterGarbage(opening: Promise<Wire>): Promise<Wire> {
  const wire = await opening;
  assert.equal(await wire.ask('hello'), refused(1, 'a request must start with {'));
  return wire;
}

/** Garbage makes a connection an operator at most from then on. */
async function garbage(server: LocalServer): Promise<void> {
  const http = 'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n\r\n';
  const list = request(0x40, [{ host: 'nowhere' }]);
  const nobody = reply(0x41);
  const refusal = refused(5, 'list connections needs the role admin; this connection has the role operator');
  const noStart = refused(1, 'a request must start with {');

  const browser = await Wire.open(server.port);
  browser.send(http + list);
  assert.deepEqual(await browser.replies(2), [noStart, refusal]);
  await assertRole(browser, 'operator');

  const late = await Wire.open(server.port);
  late.send(`${list}${list}hello${list}`);
  assert.deepEqual(
    await late.replies(4),
    [nobody, nobody, noStart, refusal],
    'what came before was asked in time',
  );
  await assertRole(late, 'operator');

  const clumsy = await Wire.open(server.port);
  clumsy.send(`{x}${list}`);
  const noJson = refused(1, 'the request is not valid JSON');
  assert.deepEqual(await clumsy.replies(2), [noJson, nobody], 'an object that is no JSON is no garbage');
  clumsy.close();
}

describe('a refused request with attached images', () => {
  test('has its bytes skipped', async (t) => {
    const server = await startServer(t, '--cluster.workers', '1', '--security.loopback_role', 'viewer');
    await Wire.use(server.port, async (wire) => {
      wire.send(
        request(
          1,
          [
            { file_name: 'a', bytes: 4 },
            { file_name: 'b', bytes: 0x10 },
          ],
          { request_id: 'r' },
        ),
      );
      wire.send(`${'{'.repeat(20)}${request(0x32, null)}`);
      const [first, second] = await wire.replies(2);
      const message = 'classification needs the role operator; this connection has the role viewer';
      assert.equal(first, refused(5, message, ', "request_id": "r"'));
      assert.equal(second, reply(0x33, item('models/samples', 2, 0)));
    });
    assert.equal(await server.stop(), 0);
  });
});
