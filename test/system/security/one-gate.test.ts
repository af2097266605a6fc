// One gate: what gives a connection its role, over TCP. Every command is asked with every role that a token gives.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { PearClient } from '#src/client/index.js';
import type { LocalServer } from '#src/cli/local-server.js';
import { roles } from '#src/config/schema.js';
import { NotPermittedError } from '#src/errors.js';
import { ask } from '../../admin/admin.js';
import { placesOf } from '../../cli/pear.js';
import { commands } from '../../support/commands.js';
import { signalTo } from '../../support/processes.js';
import { recordOf } from '../../support/records.js';
import { codesOf, item, refused, reply, request } from '../../support/replies.js';
import { assertRole } from '../../support/role-matrix.js';
import { startServer } from '../../support/server.js';
import { authenticate, nameOf, tokens, withTokens, wrongToken } from '../../support/tokens.js';
import { Wire } from '../../support/wire.js';

const right = reply(0x11, item(null, 2, 0));
const wrong = reply(0x11, item(null, 1, 5));
const list = request(0x40, [{ host: 'nowhere' }]);
const needsAdmin = (role: string) =>
  refused(5, `list connections needs the role admin; this connection has the role ${role}`);

describe('a server with tokens', () => {
  let server: LocalServer;
  before(async () => {
    const options = ['--cluster.workers', '1', '--server.proxy_protocol', '["127.0.0.2"]'];
    server = await startServer(null, ...options, '--security.default_role', 'viewer', ...withTokens());
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
  });
  const open = () => Wire.open(server.port);

  for (const role of roles) {
    test(`a token makes a connection ${role}, whatever its address is, for every command`, async () => {
      const wire = await open();
      assert.equal(await wire.ask(authenticate(tokens[role])), right);
      await assertRole(wire, role);
      const foreign = await Wire.open(server.port, '127.0.0.2');
      foreign.send('PROXY TCP4 192.0.2.7 192.0.2.1 51000 9090\r\n');
      assert.equal(await foreign.ask(authenticate(tokens[role])), right);
      await assertRole(foreign, role);
      const garbage = await open();
      assert.equal(await garbage.ask('hello'), refused(1, 'a request must start with {'));
      assert.equal(await garbage.ask(authenticate(tokens[role])), right);
      await assertRole(garbage, role);
    });
  }

  test('being on the machine is no reason any more where tokens are configured', async () => {
    await assertRole(await open(), 'viewer');
  });

  test('there is no command without a role: every code that is not listed is unknown to all', async () => {
    const known = new Set(commands.map(({ cmd }) => cmd));
    const unknown = Array.from({ length: 256 }, (_, code) => code).filter((code) => !known.has(code));
    for (const token of [null, tokens.admin]) {
      const wire = await open();
      if (token !== null) assert.equal(await wire.ask(authenticate(token)), right);
      wire.send(unknown.map((code) => request(code, null)).join(''));
      const replies = await wire.replies(unknown.length);
      assert.deepEqual(new Set(replies.flatMap(codesOf)), new Set([3]));
      wire.close();
    }
  });

  test('a role counts from its token on, for what comes behind it in the same packet too', async () => {
    await Wire.use(server.port, async (wire) => {
      wire.send(list + authenticate(tokens.admin) + list + list);
      assert.deepEqual(await wire.replies(4), [needsAdmin('viewer'), right, reply(0x41), reply(0x41)]);
    });
  });

  test('of several the highest counts, and the view shows who it is', async () => {
    await Wire.use(server.port, async (wire) => {
      for (const role of ['operator', 'admin', 'viewer'] as const) {
        assert.equal(await wire.ask(authenticate(tokens[role])), right);
      }
      const { identity, role } = await recordOf(wire);
      assert.deepEqual([identity, role], [nameOf('admin'), 'admin']);
    });
  });

  test('a wrong token changes nothing, neither before nor behind a right one', async () => {
    await Wire.use(server.port, async (wire) => {
      wire.send(
        authenticate(wrongToken) + list + authenticate(tokens.admin) + authenticate(wrongToken) + list,
      );
      const replies = [wrong, needsAdmin('viewer'), right, wrong, reply(0x41)];
      assert.deepEqual(await wire.replies(5), replies);
    });
  });

  test('garbage takes no role that was proved', async () => {
    await Wire.use(server.port, async (wire) => {
      const garbage = refused(1, 'a request must start with {');
      wire.send(`${authenticate(tokens.admin)}hello${list}`);
      assert.deepEqual(await wire.replies(3), [right, garbage, reply(0x41)]);
    });
    await Wire.use(server.port, async (wire) => {
      wire.send(`hello${authenticate(tokens.admin)}${list}`);
      assert.deepEqual((await wire.replies(3)).slice(1), [right, reply(0x41)]);
    });
  });

  test('who kicks is named by the token', async () => {
    const victim = await open();
    await victim.ask(request(0x32, null));
    await Wire.use(server.port, async (wire) => {
      await wire.ask(authenticate(tokens.admin));
      const text = await wire.ask(request(0x40, null));
      const id = new RegExp(`"id": "([^"]+)"[^}]*"port": ${victim.socket.localPort}\\b`).exec(text)?.[1];
      await wire.ask(request(0x42, [id]));
    });
    await victim.closed();
    const line = await server.line(({ msg }) => msg === 'kicked');
    assert.equal(line['by'], nameOf('admin'));
  });

  test('what is let in and what is refused is logged', async () => {
    const entered = await server.line(({ msg }) => msg === 'authenticated');
    assert.match(String(entered['identity']), /^the-/);
    const refusal = await server.line(({ msg }) => msg === 'a token was refused');
    assert.deepEqual([refusal['address'], refusal['reason']], ['127.0.0.1', 'a wrong one']);
    await server.line(
      ({ msg, reason }) => msg === 'a request was not permitted' && /has the role/.test(String(reason)),
    );
  });

  test('who is known by a token is in the log however many others come and go', async () => {
    const wire = await open();
    assert.equal(await wire.ask(authenticate(tokens.admin)), right);
    const { id } = await recordOf(wire);
    // More than there are lines for about one address.
    for (let count = 0; count < 120; count++) {
      const other = await open();
      other.close();
      await other.closed();
    }
    wire.close();
    const { identity } = await server.line(({ msg, peer }) => msg === 'disconnected' && peer === id);
    assert.equal(identity, 'the-admin');
  });

  test('a client of ours shows its token first, and is told where it is wrong', async () => {
    const at = { host: '127.0.0.1', port: server.port };
    const client = await PearClient.connect({ ...at, token: tokens.admin });
    assert.deepEqual(await client.request(0x40, [{ host: 'nowhere' }]), []);
    await assert.rejects(client.authenticate(wrongToken), NotPermittedError);
    await client.close();
    await assert.rejects(PearClient.connect({ ...at, token: wrongToken }), {
      message: 'the server does not know this token',
    });
  });
});

describe('failed authentication', () => {
  test('is slowed, for all connections of an address together, whichever worker or door they come to', async (t) => {
    const server = await startServer(t, '--cluster.workers', '2', ...withTokens(50));
    const timed = async (attempts: () => readonly Promise<unknown>[]) => {
      const began = performance.now();
      const answers = await Promise.all(attempts());
      return { answers, tookMs: performance.now() - began };
    };
    const wires = await Promise.all([1, 2, 3, 4].map(() => Wire.open(server.port)));
    const several = await timed(() => wires.map((wire) => wire.ask(authenticate(wrongToken))));
    assert.deepEqual(several.answers, [wrong, wrong, wrong, wrong]);
    assert.ok(several.tookMs >= 50 + 100 + 200 + 400 - 4, `one after the other: ${several.tookMs} ms`);
    const connected = wires.map(({ socket: { localPort } }) =>
      server.line((line) => line.msg === 'connected' && line['port'] === localPort),
    );
    const pids = new Set((await Promise.all(connected)).map(({ pid }) => Number(pid)));
    assert.equal(pids.size, 2, 'both workers had some of them');

    for (const pid of pids) signalTo(pid, 'SIGKILL');
    await Promise.all(wires.map((wire) => wire.closed()));
    const next = await Wire.open(server.port);
    const later = await timed(() => [next.ask(authenticate(wrongToken))]);
    assert.deepEqual(later.answers, [wrong]);
    assert.ok(later.tookMs >= 800 - 1, `nothing is forgotten with a worker: ${later.tookMs} ms`);

    const { admin } = await placesOf(server);
    const port = Number(admin[1]?.split(':')[1]);
    const headers = { authorization: `Bearer ${wrongToken}` };
    const overHttp = await timed(() => [ask(port, '/api/status', { headers }).then(({ status }) => status)]);
    assert.deepEqual(overHttp.answers, [401]);
    assert.ok(overHttp.tookMs >= 1_600 - 1, `nor is the admin HTTP another try: ${overHttp.tookMs} ms`);
    next.close();
    assert.equal(await server.stop(), 0);
  });

  test('holds up nobody else, neither its own closing nor the end of the server', async (t) => {
    const server = await startServer(t, '--cluster.workers', '1', ...withTokens(30_000));
    const guesser = await Wire.open(server.port);
    guesser.send(authenticate(wrongToken));
    await server.line(({ msg }) => msg === 'a token was refused');
    // Its own classification behind it is stopped by 0x03, and answered when the guess is.
    guesser.send(request(1, ['normal-01.jpg']) + request(3, null));
    await Wire.use(server.port, (other) => other.ask(request(0x32, null)));
    const second = await Wire.open(server.port);
    second.send(authenticate(wrongToken));
    const { peer } = await server.line(
      (line) => line.msg === 'connected' && line['port'] === second.socket.localPort,
    );
    const elsewhere = await Wire.open(server.port, '127.0.0.9');
    assert.equal(await elsewhere.ask(authenticate(tokens.admin)), right, 'another address is not held up');
    assert.deepEqual(codesOf(await elsewhere.ask(request(0x42, [peer]))), [0]);
    await second.closed();
    elsewhere.close();
    assert.equal(guesser.received, '');
    const began = performance.now();
    assert.equal(await server.stop(), 0);
    assert.ok(performance.now() - began < 20_000, 'the server does not wait for those that wait');
    await guesser.closed();
    assert.deepEqual(codesOf(guesser.received), [5, 7, 0]);
  });
});
