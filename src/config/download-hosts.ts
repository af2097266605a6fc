// What an entry of security.download_hosts means: a host that models may come from, or a network that the names of
// such hosts may lead to. Pure: names are resolved, and addresses judged, where models are downloaded.
import { isIP, isIPv6 } from 'node:net';

/** A host and port that URLs may name, in the form that `URL` gives them, IPv6 without its brackets. */
export interface DownloadHost {
  readonly protocol: 'https:' | 'http:';
  readonly host: string;
  readonly port: number;
}

/** Addresses that the name of a listed host may lead to although they are not public. */
export interface DownloadNetwork {
  readonly address: string;
  readonly prefixBits: number;
}

/** An address alone is both; a network is no host. */
export interface DownloadEntry {
  readonly host?: DownloadHost;
  readonly network?: DownloadNetwork;
}

export const expectedDownloadEntry =
  'a host such as models.example.org or models.example.org:8443, an address such as 10.0.0.5, or a network such as 10.0.0.0/8 that names may lead to';

/** An entry as it is meant, or, as a text, what to do about one that means nothing. */
export function parseDownloadEntry(text: string): DownloadEntry | string {
  const network = parseNetwork(text);
  if (network !== null) return { network };
  const [, scheme = 'https', rest = ''] = /^(?:([a-z]+):\/\/)?([^/]*)\/?$/i.exec(text) ?? [];
  const problem = problemOf(text, scheme.toLowerCase(), rest);
  if (problem !== null) return problem;
  const protocol = scheme.toLowerCase() === 'http' ? 'http:' : 'https:';
  const address = isIPv6(rest) ? `[${rest}]` : rest;
  if (!URL.canParse(`${protocol}//${address}`)) return 'write the name or address of a host';
  const host = hostOf(new URL(`${protocol}//${address}`));
  if (isIP(host.host) === 0 && !nameForm.test(host.host)) return 'write the name or address of a host';
  if (host.port === 0) return 'a port is a number from 1 to 65535';
  if (protocol === 'http:' && !isLoopback(host.host)) {
    return 'http:// is for addresses of this machine only, such as http://127.0.0.1:8080; others need https';
  }
  const isBare = isIP(host.host) !== 0 && !hasPort(address) && protocol === 'https:';
  return isBare ? { host, network: { address: host.host, prefixBits: bitsOf(host.host) } } : { host };
}

/** Where a URL leads; its scheme must be https or http. */
export function hostOf({ protocol, hostname, port }: URL): DownloadHost {
  const isPlain = protocol === 'http:';
  // The dot at its end only says that the name is complete.
  const host = hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  const standardPort = isPlain ? 80 : 443;
  return { protocol: isPlain ? 'http:' : 'https:', host, port: port === '' ? standardPort : Number(port) };
}

/** As `URL` writes names: in small letters, other scripts as `xn--…`. */
const nameForm = /^(?!.{254})[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*$/;

function parseNetwork(text: string): DownloadNetwork | null {
  const [, address = '', prefix = ''] = /^([0-9A-Fa-f:.]+)\/(\d{1,3})$/.exec(text) ?? [];
  if (isIP(address) === 0 || Number(prefix) > bitsOf(address)) return null;
  return { address, prefixBits: Number(prefix) };
}

function problemOf(text: string, scheme: string, rest: string): string | null {
  if (text.includes('*')) return 'there are no wildcards, so list every host';
  if (text.includes('@')) return 'leave out user and password';
  if (scheme !== 'https' && scheme !== 'http') return 'models come over https';
  if (/[\s\\?#%]|[^/]\/[^/]/.test(text)) return 'leave out what stands behind the host and its port';
  return rest === '' ? 'write the name or address of a host' : null;
}

function hasPort(address: string): boolean {
  return /:\d*$/.test(address.replace(/^\[.*\]/, ''));
}

function isLoopback(host: string): boolean {
  return host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function bitsOf(address: string): number {
  return isIPv6(address) ? 128 : 32;
}
