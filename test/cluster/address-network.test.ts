import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { networkOf } from '#src/cluster/address-network.js';

describe('whom an address stands for', () => {
  const cases: readonly (readonly [address: string, network: string])[] = [
    ['192.0.2.7', '192.0.2.7'],
    ['127.0.0.1', '127.0.0.1'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['0:0:0:0:0:ffff:c000:0207', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:0DB8:0001:0002::', '2001:db8:1:2'],
    ['2001:db8::', '2001:db8:0:0'],
    ['2001:db8::7', '2001:db8:0:0'],
    ['2001:db8::1:2:3:4:5', '2001:db8:0:1'],
    ['2001:db8:1::3:4:5:6', '2001:db8:1:0'],
    ['::1', '0:0:0:0'],
    ['::', '0:0:0:0'],
    ['1::', '1:0:0:0'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0'],
    ['2001:db8:1:2:3:4:192.0.2.7', '2001:db8:1:2'],
    ['fe80::1234%eth0', 'fe80:0:0:0'],
  ];
  for (const [address, network] of cases) {
    test(`${address} for ${network}`, () => {
      assert.equal(networkOf(address), network);
    });
  }

  const group = fc.integer({ min: 0, max: 0xffff });
  const host = fc.tuple(group, group, group, group);

  test('every address of a /64 for the same, every address of another for another', () => {
    // The first group is of the addresses that are given out, so that none is an IPv4 address in disguise.
    const network = fc.tuple(fc.integer({ min: 0x2000, max: 0x3fff }), group, group, group);
    fc.assert(
      fc.property(network, network, host, host, (one, other, first, second) => {
        const key = networkOf(shortened([...one, ...first]));
        assert.equal(networkOf(full([...one, ...second])), key);
        assert.equal(networkOf(full([...other, ...second])) === key, one.join() === other.join());
      }),
    );
  });
});

function full(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16).padStart(4, '0')).join(':');
}

/** As people write it. */
function shortened(groups: readonly number[]): string {
  return new URL(`http://[${full(groups)}]`).hostname.slice(1, -1);
}
