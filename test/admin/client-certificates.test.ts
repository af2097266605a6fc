// The admin HTTPS: a client certificate gives its role on every route, where it counts.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { pino } from 'pino';
import { roles, type Role } from '#src/config/schema.js';
import { CertificateWatch } from '#src/server/tls/certificate-watch.js';
import { named } from '../server/tls/files.js';
import { createAuthority, type Authority, type CertificateFiles } from '../support/certificates.js';
import { eventually } from '../support/deadline.js';
import { knownTokens, nameOf, tokens } from '../support/tokens.js';
import { ask, startAdmin, type Admin } from './admin.js';
import { assertRole, body, json, kick } from './route-roles.js';

describe('the gate of the admin HTTPS', () => {
  let authority: Authority;
  let stranger: Authority;
  let certificates: CertificateWatch;
  let admin: Admin;
  const issued = new Map<string, CertificateFiles>();
  before(async () => {
    authority = await createAuthority();
    stranger = await createAuthority();
    const own = await authority.issue('own', ['DNS:localhost']);
    for (const name of [...roles, 'unlisted']) issued.set(name, await authority.issue(name, ['DNS:client']));
    issued.set('foreign', await stranger.issue('admin', ['DNS:client']));
    const files = { ...named(own, authority.ca), section: 'admin.tls' } as const;
    certificates = new CertificateWatch(files, { log: pino({ level: 'silent' }), tells: false });
    const known = roles.map((role) => ({ name: nameOf(role), role, commonName: role }));
    admin = await startAdmin(null, {
      roles: { defaultRole: 'viewer', loopbackRole: 'operator', certificates: known, tokens: knownTokens },
      certificates,
    });
  });
  after(async () => {
    admin.close();
    certificates.close();
    await authority.dispose();
    await stranger.dispose();
  });
  const as = (name: Role | 'unlisted' | 'foreign' | null) => {
    const files = name === null ? undefined : issued.get(name);
    const shown = files === undefined ? {} : { cert: readFileSync(files.cert), key: readFileSync(files.key) };
    return { tls: { ca: readFileSync(authority.ca), ...shown } };
  };

  for (const role of roles) {
    test(`asks for the role of each route, which ${role} is by certificate, or the address where that is more`, async () => {
      await assertRole(admin, role === 'viewer' ? 'operator' : role, 403, as(role));
    });
  }

  test('takes a certificate for nothing that is of a foreign authority, or not listed', async () => {
    for (const name of ['foreign', 'unlisted', null] as const)
      await assertRole(admin, 'operator', 401, as(name));
  });

  test('says in the log whose certificate does not count, and who speaks no TLS', async () => {
    const says = (words: RegExp) =>
      eventually(String(words), () => admin.logged.find((line) => words.test(line)) ?? null);
    await ask(admin.port, '/livez', as('foreign'));
    const line = await says(/certificates of clients of the admin HTTP do not count/);
    assert.match(line, /"address":"127\.0\.0\.1","reason":"(UNABLE_TO|SELF_SIGNED)/);
    await assert.rejects(ask(admin.port, '/livez'));
    assert.match(await says(/TLS handshakes of the admin HTTP failed/), /does not speak TLS/);
  });

  test('lets the highest count of certificate and token', async () => {
    const shown = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
    await assertRole(admin, 'admin', 403, { ...as('admin'), ...shown(tokens.viewer) });
    await assertRole(admin, 'admin', 403, { ...as('viewer'), ...shown(tokens.admin) });
  });

  test('lets a certificate speak behind a proxy, whose address does not', async () => {
    const headers = { 'x-forwarded-for': '127.0.0.1' };
    await assertRole(admin, 'viewer', 401, { ...as(null), headers });
    await assertRole(admin, 'viewer', 403, { ...as('viewer'), headers });
    await assertRole(admin, 'admin', 403, { ...as('admin'), headers });
  });

  test('tells by whose certificate somebody was kicked', async () => {
    const kicked = await ask(admin.port, kick, { ...as('admin'), method: 'POST', headers: json, body });
    assert.equal(kicked.status, 200);
    assert.equal(admin.kicks.at(-1)?.by, nameOf('admin'));
  });
});
