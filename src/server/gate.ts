// The one gate: which role somebody has, and what a role may do. Every way in asks here.
import { BlockList, isIPv6 } from 'node:net';
import type { Role } from '../config/schema.js';
import { NotPermittedError } from '../errors.js';

/** Each role may do what those before it may. */
const rank: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

export interface RoleOptions {
  readonly defaultRole: Role;
  readonly loopbackRole: Role;
}

/** The role that an address alone gives. */
export function roleOfAddress(address: string, options: RoleOptions): Role {
  const local = loopback.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  return local ? options.loopbackRole : options.defaultRole;
}

/**
 * The role left to a connection that sent bytes which cannot start a request: a web page can make a browser
 * on the machine itself send such, so its address no longer speaks for it.
 */
export function roleAfterGarbage(role: Role): Role {
  return rank[role] > rank.operator ? 'operator' : role;
}

/** Throws NotPermittedError where `role` may not use what needs `needed`. */
export function assertPermitted(role: Role, needed: Role, command: string): void {
  if (rank[role] < rank[needed]) {
    throw new NotPermittedError(`${command} needs the role ${needed}; this connection has the role ${role}`);
  }
}

/** `::ffff:1.2.3.4` is the IPv4 address 1.2.3.4 seen through an IPv6 socket. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}
