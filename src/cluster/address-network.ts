// Whom an address stands for where connections are counted: an IPv4 address for itself, an IPv6 address for its /64
// network, since whoever has one usually has the whole network and could come from a new address each time.
import { isIPv6 } from 'node:net';

/** `192.0.2.7`, or the first four groups of an IPv6 address in full, such as `2001:db8:0:1`. */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const groups = groupsOf(address);
  return (
    mappedIPv4(groups) ??
    groups
      .slice(0, 4)
      .map((group) => group.toString(16))
      .join(':')
  );
}

/** The eight numbers of an IPv6 address, whatever its form: shortened, with an IPv4 end, with a zone. */
function groupsOf(address: string): number[] {
  const [bare = ''] = address.split('%');
  const [head = '', tail = ''] = bare.split('::');
  const left = numbersOf(head);
  const right = numbersOf(tail);
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}

function numbersOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return Number.parseInt(part, 16);
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
    return [a * 256 + b, c * 256 + d];
  });
}

/** An IPv4 address in IPv6 clothes (`::ffff:1.2.3.4`) as itself: all of them together would be one network. */
function mappedIPv4(groups: readonly number[]): string | null {
  const [, , , , , mark, high = 0, low = 0] = groups;
  if (mark !== 0xffff || groups.slice(0, 5).some((group) => group !== 0)) return null;
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}
