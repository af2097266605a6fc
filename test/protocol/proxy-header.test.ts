import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { readProxyHeader } from '#src/protocol/proxy-header.js';

const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** A header of version 2 with the command, the family and the rest. */
function binary(command: number, family: number, rest: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(rest.length);
  return Buffer.concat([signature, Buffer.from([command, family]), length, rest]);
}

const ipv4 = Buffer.from([192, 0, 2, 7, 10, 0, 0, 1, 0xc7, 0x38, 0x23, 0x82]);
const ipv6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000007', 'hex'),
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from([0xc7, 0x38, 0x23, 0x82]),
]);

describe('the header of a balancer', () => {
  const good: readonly (readonly [what: string, bytes: Buffer, source: unknown])[] = [
    [
      'version 1, IPv4',
      Buffer.from('PROXY TCP4 192.0.2.7 10.0.0.1 51000 9090\r\n'),
      { address: '192.0.2.7', port: 51000 },
    ],
    [
      'version 1, IPv6',
      Buffer.from('PROXY TCP6 2001:db8::7 2001:db8::1 51000 9090\r\n'),
      { address: '2001:db8::7', port: 51000 },
    ],
    ['version 1, unknown', Buffer.from('PROXY UNKNOWN\r\n'), null],
    ['version 1, unknown with more behind', Buffer.from('PROXY UNKNOWN ff:: ff:: 1 2\r\n'), null],
    ['version 2, IPv4', binary(0x21, 0x11, ipv4), { address: '192.0.2.7', port: 51000 }],
    ['version 2, IPv6', binary(0x21, 0x21, ipv6), { address: '2001:db8::7', port: 51000 }],
    [
      'version 2 with extensions',
      binary(0x21, 0x11, Buffer.concat([ipv4, Buffer.from([3, 0, 1, 0])])),
      { address: '192.0.2.7', port: 51000 },
    ],
    ['version 2, local', binary(0x20, 0x00, Buffer.alloc(0)), null],
    ['version 2, a Unix socket', binary(0x21, 0x31, Buffer.alloc(216)), null],
  ];
  for (const [what, bytes, source] of good) {
    test(`${what} is read, cut at any byte`, () => {
      const expected = { type: 'header', source, length: bytes.length };
      assert.deepEqual(readProxyHeader(Buffer.concat([bytes, Buffer.from('{"cmd": 1}')])), expected);
      for (let cut = 0; cut < bytes.length; cut++) {
        assert.deepEqual(readProxyHeader(bytes.subarray(0, cut)), { type: 'incomplete' }, `cut at ${cut}`);
      }
    });
  }

  const bad: readonly (readonly [what: string, bytes: Buffer])[] = [
    ['a request', Buffer.from('{"cmd": 1}')],
    ['another family', Buffer.from('PROXY TCP5 192.0.2.7 10.0.0.1 51000 9090\r\n')],
    ['no address', Buffer.from('PROXY TCP4 here there 51000 9090\r\n')],
    ['an address that is none', Buffer.from('PROXY TCP4 999.0.2.7 10.0.0.1 51000 9090\r\n')],
    ['an IPv6 address that is none', Buffer.from('PROXY TCP6 2001::db8::7 ::1 51000 9090\r\n')],
    ['no port', Buffer.from('PROXY TCP4 192.0.2.7 10.0.0.1 99999 9090\r\n')],
    ['too few fields', Buffer.from('PROXY TCP4 192.0.2.7\r\n')],
    ['a line without end', Buffer.from(`PROXY ${'x'.repeat(120)}`)],
    ['another version', binary(0x31, 0x11, ipv4)],
    ['too few bytes for its family', binary(0x21, 0x11, ipv4.subarray(0, 8))],
    ['a length out of all proportion', Buffer.concat([signature, Buffer.from([0x21, 0x11, 0xff, 0xff])])],
  ];
  for (const [what, bytes] of bad) {
    test(`${what} is none`, () => {
      assert.deepEqual(readProxyHeader(bytes), { type: 'invalid' });
    });
  }

  test('of any bytes is read without harm', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(signature, Buffer.from('PROXY '), Buffer.alloc(0)),
        fc.uint8Array({ maxLength: 200 }),
        (start, rest) => {
          const header = readProxyHeader(Buffer.concat([start, rest]));
          if (header.type === 'header') assert.ok(header.length <= start.length + rest.length);
        },
      ),
    );
  });
});
