// What tells a connection from all others of this process, where a library speaks of it by another object than ours.
import type { Socket } from 'node:net';

/** Two connections of a process that live at the same time never have both ends in common. */
export function connectionKey({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return [localAddress, localPort, remoteAddress, remotePort].join(' ');
}
