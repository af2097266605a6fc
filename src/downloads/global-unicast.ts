// Which addresses are those of one machine on the public Internet: the registries of special-purpose addresses of IANA
// (RFC 6890 and what has changed them since), as lists. Everything else is private, local, for documentation, for many, or
// not given to anybody, and a server that is told to fetch something from there is being used against its own network.
import { bytesOf, holds, networkOf, reachedBy, type AddressBytes } from './ip-address.js';

export const specialNetworks = [
  '0.0.0.0/8', // this network
  '10.0.0.0/8', // private
  '100.64.0.0/10', // shared by a provider's customers
  '127.0.0.0/8', // loopback
  '169.254.0.0/16', // link-local, and the metadata of clouds
  '172.16.0.0/12', // private
  '192.0.0.0/24', // protocol assignments
  '192.0.2.0/24', // documentation
  '192.88.99.0/24', // 6to4 relays, deprecated
  '192.168.0.0/16', // private
  '198.18.0.0/15', // measurements
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and broadcast
  // Of IPv6 only 2000::/3 is given to anybody, so ::, ::1, 64:ff9b:1::/48, 100::/64, fc00::/7, fe80::/10, fec0::/10 and
  // ff00::/8 need no line.
  '2001::/23', // protocol assignments, Teredo among them
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4: leads to an IPv4 address
  '3fff::/20', // documentation
].map(networkOf);

/** Those of 2001::/23 that can be reached from everywhere. */
export const exceptedNetworks = [
  '2001:1::1/128',
  '2001:1::2/128',
  '2001:1::3/128',
  '2001:3::/32',
  '2001:4:112::/48',
  '2001:20::/28',
  '2001:30::/28',
].map(networkOf);

export const publicIPv6 = networkOf('2000::/3');

/** Of an IPv6 address that stands for an IPv4 address the latter is judged. */
export function isGlobalUnicast(address: string): boolean {
  const bytes = bytesOf(address);
  return bytes !== null && isGlobal(reachedBy(bytes));
}

function isGlobal(bytes: AddressBytes): boolean {
  if (bytes.length === 16 && !holds(publicIPv6, bytes)) return false;
  if (exceptedNetworks.some((network) => holds(network, bytes))) return true;
  return !specialNetworks.some((network) => holds(network, bytes));
}
