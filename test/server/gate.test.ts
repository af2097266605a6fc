import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NeededRole } from '#src/handlers/command.js';
import { NotPermittedError } from '#src/errors.js';
import { afterGarbage, assertPermitted, identify, identityOf, plainAddress } from '#src/server/gate.js';

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

test('each role may do what those below it may, and after garbage nobody more than an operator', () => {
  const roles = ['viewer', 'operator', 'admin'] as const;
  const needed: readonly NeededRole[] = ['none', ...roles];
  for (const [index, role] of roles.entries()) {
    for (const [least, need] of needed.entries()) {
      const ask = () => {
        assertPermitted(role, need, 'it');
      };
      if (least <= index + 1) ask();
      else assert.throws(ask, NotPermittedError);
    }
  }
  assert.deepEqual(
    roles.map((role) => afterGarbage(identityOf(role)).role),
    ['viewer', 'operator', 'operator'],
  );
});
