// One gate: what a TLS client certificate gives a connection. Every command is asked with every role that one gives.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { PearClient } from '#src/client/index.js';
import type { LocalServer } from '#src/cli/local-server.js';
import { roles, type Role } from '#src/config/schema.js';
import { ask } from '../../admin/admin.js';
import { placesOf } from '../../cli/pear.js';
import { createAuthority, type Authority, type CertificateFiles } from '../../support/certificates.js';
import { recordOf } from '../../support/records.js';
import { item, refused, reply, request } from '../../support/replies.js';
import { assertRole } from '../../support/role-matrix.js';
import { startServer } from '../../support/server.js';
import { authenticate, nameOf, tokens, withTokens } from '../../support/tokens.js';
import { Wire } from '../../support/wire.js';

describe('TLS client certificate gives role and identity', () => {
  let authority: Authority;
  let stranger: Authority;
  let server: LocalServer;
  const issued = new Map<string, CertificateFiles>();
  before(async () => {
    authority = await createAuthority();
    stranger = await createAuthority();
    const own = await authority.issue('own', ['DNS:localhost']);
    for (const name of [...roles, 'unlisted']) issued.set(name, await authority.issue(name, ['DNS:client']));
    issued.set('expired', await authority.issue('expired', ['DNS:client'], -1));
    issued.set('foreign', await stranger.issue('admin', ['DNS:client']));
    // One is known by itself, the others by the name that the authority has put in.
    const { fingerprint256: fingerprint } = new X509Certificate(shownBy('operator').cert ?? '');
    const known = [...roles, 'expired'].map((name) => ({
      name: `client-${name}`,
      role: name === 'expired' ? 'admin' : name,
      ...(name === 'operator' ? { fingerprint } : { common_name: name }),
    }));
    const tls = (section: string) => [
      ...[`--${section}.tls.cert_path`, own.cert, `--${section}.tls.key_path`, own.key],
      ...[`--${section}.tls.client_ca_path`, authority.ca],
    ];
    server = await startServer(
      null,
      ...['--cluster.workers', '1', '--server.proxy_protocol', '["127.0.0.2"]', ...tls('server')],
      ...['--security.client_certificates', JSON.stringify(known), ...tls('admin'), ...withTokens()],
      ...['--security.default_role', 'viewer'],
    );
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
    await authority.dispose();
    await stranger.dispose();
  });

  type Shown = Role | 'unlisted' | 'expired' | 'foreign' | null;
  function shownBy(name: Shown) {
    const files = name === null ? undefined : issued.get(name);
    const shown = files && { cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') };
    return { ca: readFileSync(authority.ca, 'utf8'), ...shown };
  }
  const open = (name: Shown) => Wire.openTls(server.port, shownBy(name));

  for (const role of roles) {
    test(`a client certificate makes a connection ${role}, whatever its address is, for every command`, async () => {
      await assertRole(await open(role), role);
      const before = 'PROXY TCP4 192.0.2.7 192.0.2.1 51000 9090\r\n';
      const forwarded = { ...shownBy(role), before, localAddress: '127.0.0.2' };
      await assertRole(await Wire.openTls(server.port, forwarded), role);
    });
  }

  test('the view and the log show who it is', async () => {
    const [admin, operator, nobody] = [await open('admin'), await open('operator'), await open(null)];
    for (const [wire, name, role] of [
      [admin, 'client-admin', 'admin'],
      [operator, 'client-operator', 'operator'],
      [nobody, null, 'viewer'],
    ] as const) {
      const record = await recordOf(admin, wire);
      assert.deepEqual([record.identity, record.role, record.tls], [name, role, true]);
      const line = await server.line(
        (each) => each.msg === 'connected' && each['port'] === wire.socket.localPort,
      );
      assert.equal(line['identity'], name ?? undefined);
    }
    for (const wire of [admin, operator, nobody]) wire.close();
  });

  for (const name of ['foreign', 'expired', 'unlisted'] as const) {
    test(`a certificate that is ${name} is nothing`, async () => {
      const [admin, wire] = [await open('admin'), await open(name)];
      const { identity, role } = await recordOf(admin, wire);
      assert.deepEqual([identity, role], [null, 'viewer']);
      await assertRole(wire, 'viewer');
      admin.close();
    });
  }

  test('a certificate that does not count is logged', async () => {
    const line = await server.line(({ msg }) => msg === 'certificates of clients do not count');
    assert.match(String(line['reason']), /UNABLE_TO|SELF_SIGNED|EXPIRED/);
  });

  test('after garbage each certificate gives what it did for every command, admin to nobody', async () => {
    for (const [name, role] of [
      [null, 'viewer'],
      ['operator', 'operator'],
      ['admin', 'operator'],
    ] as const) {
      const wire = await open(name);
      assert.equal(await wire.ask('hello'), refused(1, 'a request must start with {'));
      await assertRole(wire, role);
    }
  });

  test('of certificate and token the highest counts, and after garbage a certificate gives operator at most', async () => {
    const list = request(0x40, [{ host: 'nowhere' }]);
    const right = reply(0x11, item(null, 2, 0));
    const wire = await open('operator');
    wire.send(`hello${list}${authenticate(tokens.admin)}${list}${authenticate(tokens.viewer)}${list}`);
    const needsAdmin = 'list connections needs the role admin; this connection has the role operator';
    const replies = (await wire.replies(6)).slice(1);
    assert.deepEqual(replies, [refused(5, needsAdmin), right, reply(0x41), right, reply(0x41)]);
    assert.equal((await recordOf(wire)).identity, nameOf('admin'));
    wire.close();
    const known = await open('admin');
    // As a web page makes a browser send it, which shows the certificate of the person at it.
    const body = `${list}${authenticate(tokens.viewer)}${list}`;
    known.send(`${list}POST / HTTP/1.1\r\nhost: pear\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    const posted = await known.replies(5);
    assert.equal(posted[0], reply(0x41));
    assert.deepEqual(posted.slice(-3), [refused(5, needsAdmin), right, refused(5, needsAdmin)]);
    assert.equal(await known.ask(authenticate(tokens.admin)), right);
    assert.equal(await known.ask(list), reply(0x41));
    known.close();
  });

  test('who kicks is named by the certificate', async () => {
    const [admin, victim] = [await open('admin'), await open(null)];
    await admin.ask(request(0x42, [(await recordOf(admin, victim)).id]));
    await victim.closed();
    const line = await server.line(({ msg }) => msg === 'kicked');
    assert.equal(line['by'], 'client-admin');
    admin.close();
  });

  test('over the admin HTTPS it is the same', async () => {
    const { admin } = await placesOf(server);
    const port = Number(admin[1]?.split(':')[1]);
    const statusOf = async (name: Shown) =>
      (await ask(port, '/api/connections', { tls: shownBy(name) })).status;
    const names = ['admin', 'operator', 'foreign', null] as const;
    assert.deepEqual(await Promise.all(names.map(statusOf)), [200, 403, 401, 401]);
  });

  test('a client of ours shows both, the certificate and the token', async () => {
    const tls = { ...shownBy('viewer'), servername: 'localhost' };
    const client = await PearClient.connect({
      ...{ host: '127.0.0.1', port: server.port, tls, token: tokens.admin },
    });
    assert.deepEqual(await client.request(0x40, [{ host: 'nowhere' }]), []);
    await client.close();
  });
});
