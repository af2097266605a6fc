// Who somebody is and what they may do, by everything that can speak for them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { roles, type Role } from '#src/config/schema.js';
import type { NeededRole } from '#src/handlers/command.js';
import { NotPermittedError } from '#src/errors.js';
import {
  afterGarbage,
  assertPermitted,
  grantOf,
  identify,
  identityOf,
  isPermitted,
  plainAddress,
  tokenHash,
  withGrant,
  type ClientCertificate,
  type KnownCertificate,
} from '#src/server/gate.js';
import { knownTokens, nameOf, tokens, wrongToken } from '../support/tokens.js';

describe('the role of an address', () => {
  const roleOf = (address: string, isForwarded = false) =>
    identify(
      { address: plainAddress(address), isForwarded, certificate: null },
      { defaultRole: 'viewer', loopbackRole: 'admin' },
    ).role;

  for (const address of ['127.0.0.1', '127.0.0.2', '127.255.255.254', '::1', '::ffff:127.0.0.1']) {
    test(`is that of the machine itself for ${address}`, () => {
      assert.equal(roleOf(address), 'admin');
      assert.equal(roleOf(address, true), 'viewer', 'unless a balancer only says so');
    });
  }

  for (const address of [
    ...['10.0.0.1', '192.168.1.127', '128.0.0.1', '126.255.255.255', '1.127.0.0', '0.0.0.0'],
    ...['fe80::1', '2001:db8::1', '::2', '::', '::ffff:10.0.0.1', '::127.0.0.1'],
  ]) {
    test(`is that of strangers for ${address}`, () => {
      assert.equal(roleOf(address), 'viewer');
    });
  }
});

describe('a verified client certificate', () => {
  const fingerprint = 'ab'.repeat(32);
  const known: readonly KnownCertificate[] = [
    { name: 'line', role: 'operator', commonName: 'line-2.example' },
    { name: 'office', role: 'admin', fingerprint },
    { name: 'guests', role: 'viewer', commonName: 'guest.example' },
    { name: 'boss', role: 'admin', commonName: 'guest.example' },
  ];
  const identityBy = (certificate: ClientCertificate | null, defaultRole: Role = 'viewer') =>
    identify(
      { address: '192.0.2.7', isForwarded: false, certificate },
      { defaultRole, loopbackRole: 'admin', certificates: known },
    );

  test('gives the name and role of its fingerprint, or of its common name', () => {
    const other = 'cd'.repeat(32);
    for (const [certificate, name, role] of [
      [{ name: 'line-2.example', fingerprint: other }, 'line', 'operator'],
      [{ name: 'whoever', fingerprint }, 'office', 'admin'],
      [{ name: 'line-2.example', fingerprint }, 'office', 'admin'],
      [{ name: 'guest.example', fingerprint: other }, 'boss', 'admin'],
    ] as const) {
      const identity = identityBy(certificate);
      assert.deepEqual([identity.name, identity.role], [name, role]);
    }
  });

  test('that is not listed gives nothing, nor does a name that is only like a listed one', () => {
    for (const name of ['', 'line-2', 'LINE-2.example', 'line-2.example.', 'x.line-2.example']) {
      const identity = identityBy({ name, fingerprint: 'cd'.repeat(32) });
      assert.deepEqual([identity.name, identity.role], [null, 'viewer'], name);
    }
    assert.equal(identityBy(null).role, 'viewer');
  });

  test('never takes away what the address gives', () => {
    const identity = identityBy({ name: 'line-2.example', fingerprint: 'cd'.repeat(32) }, 'admin');
    assert.deepEqual([identity.name, identity.role], ['line', 'admin']);
  });
});

describe('a token', () => {
  test('gives the name and role of the one that is known, whichever it is', () => {
    for (const role of roles)
      assert.deepEqual(grantOf(tokenHash(tokens[role]), knownTokens), { name: nameOf(role), role });
  });

  test('that is only like a known one gives nothing', () => {
    const { admin } = tokens;
    const hash = Buffer.from(tokenHash(admin)).toString('hex');
    for (const token of [wrongToken, '', admin.slice(1), `${admin} `, admin.toUpperCase(), hash])
      assert.equal(grantOf(tokenHash(token), knownTokens), null, token);
    assert.equal(grantOf(tokenHash(admin), []), null);
  });

  test('is compared in constant time with every known one, and as a hash only', () => {
    const source = readFileSync('src/server/gate.ts', 'utf8');
    const body = /export function grantOf[^]*?\n}/.exec(source)?.[0] ?? '';
    assert.match(body, /timingSafeEqual\(hash, shown\)/);
    assert.doesNotMatch(body, /break|=== shown|loop.*return/);
    assert.equal(body.match(/return/g)?.length, 1, 'it looks at all of them before it answers');
  });
});

describe('of several roles', () => {
  const role = fc.constantFrom(...roles);
  const rank = (each: Role) => roles.indexOf(each);

  test('the highest counts, in whatever order they are proved', () => {
    fc.assert(
      fc.property(role, fc.array(role, { maxLength: 6 }), (byAddress, proved) => {
        const grants = proved.map((each, index) => ({ name: `n${index}`, role: each }));
        const identity = grants.reduce(withGrant, identityOf(byAddress));
        assert.equal(rank(identity.role), Math.max(rank(byAddress), ...proved.map(rank)));
        const best = Math.max(...proved.map(rank));
        const last = grants.findLast((grant) => rank(grant.role) === best);
        assert.equal(identity.name, last?.name ?? null, 'the name is that of the highest that was proved');
      }),
    );
  });

  test('garbage makes everybody a stranger by address, and operator at most, whatever role the machine itself has', () => {
    const address = fc.constantFrom('127.0.0.1', '::1', '192.0.2.7', '2001:db8::1');
    const options = fc.record({ defaultRole: role, loopbackRole: role });
    fc.assert(
      fc.property(address, fc.boolean(), options, fc.option(role), (from, isForwarded, rolesOf, shown) => {
        const before = identify({ address: from, isForwarded, certificate: null }, rolesOf);
        const identity = afterGarbage(before);
        const expected = Math.min(rank(rolesOf.defaultRole), rank(before.role), rank('operator'));
        assert.equal(rank(identity.role), expected);
        if (shown === null) return;
        const grant = { name: 'token', role: shown };
        assert.equal(rank(withGrant(identity, grant).role), Math.max(expected, rank(shown)));
        assert.equal(rank(afterGarbage(withGrant(before, grant)).role), Math.max(expected, rank(shown)));
      }),
    );
  });

  test('garbage makes a stranger of the address, never an admin by it or a certificate, and leaves tokens what they are', () => {
    const granted = (name: string, of: Role | null) => (of === null ? null : { name, role: of });
    fc.assert(
      fc.property(
        role,
        role,
        fc.option(role),
        fc.option(role),
        (byAddress, strangerRole, certified, shown) => {
          const byCertificate = granted('certificate', certified);
          const [before, after] = [granted('before', shown), granted('after', shown)];
          const identity = afterGarbage(
            identityOf(byAddress, { strangerRole, byCertificate, byToken: before }),
          );
          const lowered = [Math.min(rank(byAddress), rank(strangerRole)), rank(certified ?? 'viewer')].map(
            (each) => Math.min(each, rank('operator')),
          );
          assert.equal(rank(identity.role), Math.max(...lowered, rank(shown ?? 'viewer')));
          assert.equal(identity.name === null, byCertificate === null && before === null);
          assert.deepEqual(afterGarbage(identity), identity);
          if (after === null) return;
          const late = withGrant(afterGarbage(identityOf(byAddress, { strangerRole, byCertificate })), after);
          assert.equal(late.role, identity.role, 'whenever the token is shown');
        },
      ),
    );
  });
});

test('each role may do what those below it may', () => {
  const needed: readonly NeededRole[] = ['none', ...roles];
  for (const [index, role] of roles.entries()) {
    for (const [least, need] of needed.entries()) {
      const ask = () => {
        assertPermitted(role, need, 'it');
      };
      assert.equal(isPermitted(role, need), least <= index + 1);
      if (least <= index + 1) ask();
      else assert.throws(ask, NotPermittedError);
    }
  }
});
