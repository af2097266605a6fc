// IP addresses as bytes, networks of them, and the IPv4 addresses that some IPv6 addresses stand for.
import { isIPv4, isIPv6 } from 'node:net';

/** 4 or 16 bytes. */
export type AddressBytes = readonly number[];

export interface Network {
  readonly bytes: AddressBytes;
  readonly prefixBits: number;
}

/** null: no address, or one that means something on one link only (`fe80::1%eth0`). */
export function bytesOf(address: string): AddressBytes | null {
  if (isIPv4(address)) return address.split('.').map(Number);
  if (!isIPv6(address) || address.includes('%')) return null;
  const [head = '', tail = ''] = address.split('::');
  const [left, right] = [groupBytes(head), groupBytes(tail)];
  return [...left, ...Array<number>(16 - left.length - right.length).fill(0), ...right];
}

/** Throws for what is no network; those are written in the program or checked with the configuration. */
export function networkOf(text: string): Network {
  const [address = '', prefix] = text.split('/');
  const bytes = bytesOf(address);
  if (bytes === null) throw new Error(`${text} is no network`);
  return { bytes, prefixBits: prefix === undefined ? 8 * bytes.length : Number(prefix) };
}

export function holds({ bytes, prefixBits }: Network, address: AddressBytes): boolean {
  return (
    bytes.length === address.length &&
    bytes.every((byte, index) => {
      const bits = Math.min(8, Math.max(0, prefixBits - 8 * index));
      return byte >> (8 - bits) === (address[index] ?? 0) >> (8 - bits);
    })
  );
}

/** `::ffff:0:0/96` is IPv4 in the clothes of IPv6, `64:ff9b::/96` is translated to IPv4 on the way (RFC 6052). */
const carriers = ['::ffff:0:0/96', '64:ff9b::/96'].map(networkOf);

/** What is reached in the end: the IPv4 address that an IPv6 address stands for, else the address itself. */
export function reachedBy(address: AddressBytes): AddressBytes {
  return carriers.some((carrier) => holds(carrier, address)) ? address.slice(12) : address;
}

/** The bytes of one side of `::`, with an IPv4 address at its end or not. */
function groupBytes(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}
