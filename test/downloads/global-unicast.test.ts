import assert from 'node:assert/strict';
import { BlockList, isIPv6 } from 'node:net';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isGlobalUnicast } from '#src/downloads/global-unicast.js';
import { bytesOf, holds, networkOf, reachedBy } from '#src/downloads/ip-address.js';

/** The ranges once more, as the registries of IANA have them, for the test to compare with Node's own list. */
const special4 =
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4';
const special6 =
  '::/8 64:ff9b:1::/48 100::/8 200::/7 400::/6 800::/5 1000::/4 2001::/23 2001:db8::/32 2002::/16 3fff::/20 4000::/2 8000::/1';
const excepted6 =
  '2001:1::1/128 2001:1::2/128 2001:1::3/128 2001:3::/32 2001:4:112::/48 2001:20::/28 2001:30::/28';

describe('An address', () => {
  it('that is one of a machine on the public Internet is told from all others', () => {
    const global = ['1.1.1.1', '8.8.8.8', '100.63.255.255', '100.128.0.0', '172.15.255.255', '172.32.0.0'];
    global.push('192.0.1.0', '198.17.255.255', '198.20.0.0', '223.255.255.255', '2606:4700::1111');
    global.push('2a00:1450:4001::200e', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8', '2001:200::1', '2001:1::1');
    for (const address of global) assert.equal(isGlobalUnicast(address), true, address);
    const others = ['0.0.0.0', '10.1.2.3', '100.64.0.1', '100.127.255.255', '127.0.0.1', '127.255.255.255'];
    others.push('169.254.169.254', '172.16.0.1', '172.31.255.255', '192.0.0.1', '192.0.2.1', '192.88.99.1');
    others.push('192.168.1.1', '198.18.0.1', '198.19.255.255', '198.51.100.1', '203.0.113.1', '224.0.0.1');
    others.push('239.255.255.255', '240.0.0.1', '255.255.255.255', '::', '::1', '::ffff:127.0.0.1');
    others.push('::ffff:7f00:1', '::ffff:a00:1', '::127.0.0.1', '64:ff9b::10.0.0.1', '64:ff9b::a9fe:a9fe');
    others.push('64:ff9b:1::1', '100::1', '2001::1', '2001:db8::1', '2002:7f00:1::1', 'fc00::1', 'fd12::1');
    others.push('fe80::1', 'fe80::1%lo', 'fec0::1', 'ff02::1', '3fff::1', '4000::1', 'localhost', '');
    for (const address of others) assert.equal(isGlobalUnicast(address), false, address);
  });

  it("of any value is judged as by Node's list of the same ranges, however it is written", () => {
    const list4 = listOf(special4);
    const [list6, exceptions] = [listOf(special6), listOf(excepted6)];
    const near = [...special4.split(' '), ...special6.split(' '), ...excepted6.split(' ')].map(networkOf);
    const bytes = fc
      .tuple(fc.constantFrom(...near), fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(128))
      .map(([network, random, kept]) =>
        network.bytes.map((byte, index) => (index * 8 < kept ? byte : (random[index] ?? 0))),
      );
    fc.assert(
      fc.property(bytes, fc.boolean(), (address, isShort) => {
        const text = textOf(address, isShort);
        assert.deepEqual(bytesOf(text), address);
        const reached = textOf(reachedBy(address), false);
        const expected = isIPv6(reached)
          ? exceptions.check(reached, 'ipv6') || !list6.check(reached, 'ipv6')
          : !list4.check(reached, 'ipv4');
        assert.equal(isGlobalUnicast(text), expected, text);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is in a network when its first bits are, and never in one of the other family', () => {
    const isIn = (network: string, address: string) => holds(networkOf(network), bytesOf(address) ?? []);
    assert.ok(isIn('10.0.0.0/8', '10.255.0.1') && !isIn('10.0.0.0/8', '11.0.0.1'));
    assert.ok(isIn('10.0.0.128/25', '10.0.0.129') && !isIn('10.0.0.128/25', '10.0.0.127'));
    assert.ok(isIn('0.0.0.0/0', '1.2.3.4') && !isIn('0.0.0.0/0', '::1') && !isIn('::/0', '1.2.3.4'));
    assert.ok(isIn('10.0.0.5', '10.0.0.5') && !isIn('10.0.0.5', '10.0.0.4'));
  });
});

function listOf(networks: string): BlockList {
  const list = new BlockList();
  for (const network of networks.split(' ')) {
    const [address = '', prefix] = network.split('/');
    list.addSubnet(address, Number(prefix), isIPv6(address) ? 'ipv6' : 'ipv4');
  }
  return list;
}

function textOf(bytes: readonly number[], isShort: boolean): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
  );
  const text = groups.join(':');
  return isShort ? new URL(`http://[${text}]`).hostname.slice(1, -1) : text;
}
