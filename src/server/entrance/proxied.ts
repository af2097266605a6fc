// Connections that a balancer forwards: before the first request it says whose connection this is.
import type { Socket } from 'node:net';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { readProxyHeader, type ProxySource } from '../../protocol/proxy-header.js';

/** A balancer sends its header at once; who does not is none. */
const headerTimeoutMs = 5_000;

export interface Forwarded {
  /** null: the balancer speaks for itself. */
  readonly source: ProxySource | null;
  /** What came behind the header. */
  readonly rest: Buffer;
}

/** The addresses that may forward connections, as the configuration lists them: `10.0.0.5`, `10.0.0.0/8`. */
export class Balancers {
  readonly #list = new BlockList();
  readonly #isEmpty: boolean;

  constructor(addresses: readonly string[]) {
    this.#isEmpty = addresses.length === 0;
    for (const address of addresses) {
      const [net = '', prefix] = address.split('/');
      const family = isIPv6(net) ? 'ipv6' : 'ipv4';
      if (prefix === undefined) this.#list.addAddress(net, family);
      else this.#list.addSubnet(net, Number(prefix), family);
    }
  }

  includes(address: string): boolean {
    // Asked of every connection, and mostly there are none.
    if (this.#isEmpty) return false;
    return isIP(address) !== 0 && this.#list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  }
}

/** Reads the header; resolves to null where the connection is gone, or sends something else in time. */
export function readForwarded(socket: Socket): Promise<Forwarded | null> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0);
    const settle = (forwarded: Forwarded | null) => {
      clearTimeout(timer);
      socket.off('data', take).off('close', give).off('end', give).off('error', give);
      socket.pause();
      resolve(forwarded);
    };
    const give = () => {
      settle(null);
    };
    const take = (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const header = readProxyHeader(received);
      if (header.type === 'invalid') settle(null);
      if (header.type === 'header') settle({ source: header.source, rest: received.subarray(header.length) });
    };
    const timer = setTimeout(give, headerTimeoutMs);
    socket.on('data', take).on('close', give).on('end', give).on('error', give);
    socket.resume();
  });
}
