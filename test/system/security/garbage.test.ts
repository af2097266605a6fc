// One gate: what a connection may do that has sent bytes which cannot start a request, as a web page can make a browser on the
// machine itself do. Every command is asked, from everywhere and with everything that can speak for a connection.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { roles, type Role } from '#src/config/schema.js';
import { createAuthority, type Authority, type CertificateFiles } from '../../support/certificates.js';
import { item, refused, reply } from '../../support/replies.js';
import { assertRole } from '../../support/role-matrix.js';
import { startServer } from '../../support/server.js';
import { authenticate, tokens, withTokens } from '../../support/tokens.js';
import { Wire } from '../../support/wire.js';

const noStart = refused(1, 'a request must start with {');
const right = reply(0x11, item(null, 2, 0));
/** The machine itself, and elsewhere. */
const places = [{}, { before: 'PROXY TCP4 192.0.2.7 192.0.2.1 51000 9090\r\n', localAddress: '127.0.0.2' }];
const lowerOf = (a: Role, b: Role) => roles[Math.min(roles.indexOf(a), roles.indexOf(b))] ?? a;
const higherOf = (a: Role, b: Role) => roles[Math.max(roles.indexOf(a), roles.indexOf(b))] ?? a;

describe('after garbage', () => {
  let authority: Authority;
  let own: CertificateFiles;
  const issued = new Map<Role, CertificateFiles>();
  before(async () => {
    authority = await createAuthority();
    own = await authority.issue('own', ['DNS:localhost']);
    for (const role of roles) issued.set(role, await authority.issue(role, ['DNS:client']));
  });
  after(() => authority.dispose());

  for (const defaultRole of roles) {
    test(`with default_role ${defaultRole} nobody is more than a stranger by address, nor more than operator but by a token`, async (t) => {
      const server = await startServer(
        t,
        ...['--cluster.workers', '1', '--server.proxy_protocol', '["127.0.0.2"]', ...withTokens()],
        ...['--security.default_role', defaultRole, '--security.loopback_role', 'admin'],
        ...['--server.tls.cert_path', own.cert, '--server.tls.key_path', own.key],
        ...['--server.tls.client_ca_path', authority.ca, '--security.client_certificates'],
        JSON.stringify(roles.map((role) => ({ name: `client-${role}`, role, common_name: role }))),
      );
      const ca = readFileSync(authority.ca, 'utf8');
      /** A connection that has sent garbage; the token is shown behind it. */
      const open = async (place: object, certificate: Role | null, token: Role | null) => {
        const files = certificate === null ? undefined : issued.get(certificate);
        const shown = files && {
          cert: readFileSync(files.cert, 'utf8'),
          key: readFileSync(files.key, 'utf8'),
        };
        const wire = await Wire.openTls(server.port, { ca, ...shown, ...place });
        assert.equal(await wire.ask('hello'), noStart);
        if (token !== null) assert.equal(await wire.ask(authenticate(tokens[token])), right);
        return wire;
      };
      const byAddress = lowerOf(defaultRole, 'operator');
      for (const place of places) {
        await assertRole(await open(place, null, null), byAddress);
        for (const role of roles) {
          const byCertificate = lowerOf(role, 'operator');
          await assertRole(await open(place, role, null), higherOf(byAddress, byCertificate));
          await assertRole(await open(place, null, role), higherOf(byAddress, role));
        }
      }
      assert.equal(await server.stop(), 0);
    });
  }
});
