// What the kernel knows: the connections of a port, from its own list (proc(5), /proc/net/tcp).
import { readFile } from 'node:fs/promises';

/** States of a connection whose accepted side is open: ESTABLISHED and CLOSE_WAIT. */
const openStates: ReadonlySet<string> = new Set(['01', '08']);

/**
 * `address:port` of the other side of each connection that has been accepted at 127.0.0.1 and `port`. Clients at other
 * addresses of this machine may have the same port for their own side.
 */
export async function kernelConnections(port: number): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (const line of (await readFile('/proc/net/tcp', 'latin1')).split('\n').slice(1)) {
    const [, local = '', remote = '', state = ''] = line.trim().split(/\s+/);
    if (`${addressOf(local)}:${portOf(local)}` === `127.0.0.1:${port}` && openStates.has(state))
      found.add(`${addressOf(remote)}:${portOf(remote)}`);
  }
  return found;
}

function portOf(hex: string): number {
  return parseInt(hex.slice(hex.indexOf(':') + 1), 16);
}

/** The kernel prints an address as one number in the order of bytes of the machine, which is little-endian wherever we run. */
function addressOf(hex: string): string {
  const bytes = hex.slice(0, 8).match(/../g) ?? [];
  return bytes
    .reverse()
    .map((byte) => parseInt(byte, 16))
    .join('.');
}
