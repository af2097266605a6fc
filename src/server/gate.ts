// The one gate: which role somebody has, and what a role may do. Every way in asks here.
import { BlockList, isIPv6 } from 'node:net';
import type { Role } from '../config/schema.js';
import { NotPermittedError } from '../errors.js';
import type { NeededRole } from '../handlers/command.js';

/** Each role may do what those before it may. */
const rank: Readonly<Record<NeededRole, number>> = { none: 0, viewer: 1, operator: 2, admin: 3 };

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

export interface RoleOptions {
  readonly defaultRole: Role;
  readonly loopbackRole: Role;
}

/** A client certificate that has been verified. */
export interface ClientCertificate {
  /** The common name of its subject. */
  readonly name: string;
  /** SHA-256 of it, in hex of lower case. */
  readonly fingerprint: string;
}

/** What is known of somebody when they come in. */
export interface Origin {
  readonly address: string;
  /** A balancer says that it is this address: nobody behind one is a program of this machine. */
  readonly isForwarded: boolean;
  readonly certificate: ClientCertificate | null;
}

/** Who somebody is, and what they may do. */
export interface Identity {
  /** null: nobody that is known by name. */
  readonly name: string | null;
  readonly role: Role;
}

/** Who somebody is who has shown no token. */
export function identify({ address, isForwarded }: Origin, options: RoleOptions): Identity {
  const isLocal = !isForwarded && loopback.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  return { name: null, role: isLocal ? options.loopbackRole : options.defaultRole };
}

/**
 * The role left to a connection that has sent garbage: a web page can make a browser on the machine itself send such,
 * so its address no longer speaks for it.
 */
export function roleAfterGarbage(role: Role): Role {
  return rank[role] > rank.operator ? 'operator' : role;
}

/** Whether `role` may use what needs `needed`. */
export function isPermitted(role: Role, needed: NeededRole): boolean {
  return rank[role] >= rank[needed];
}

/** Throws NotPermittedError where `role` may not use what needs `needed`. */
export function assertPermitted(role: Role, needed: NeededRole, command: string): void {
  if (!isPermitted(role, needed)) {
    throw new NotPermittedError(`${command} needs the role ${needed}; this connection has the role ${role}`);
  }
}

/** `::ffff:1.2.3.4` is the IPv4 address 1.2.3.4 seen through an IPv6 socket. */
export function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}
