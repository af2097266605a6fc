// Hosts that nobody but this machine reaches.
import { isIP } from 'node:net';

export function isLoopbackHost(host: string): boolean {
  if (host.toLowerCase() === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}
