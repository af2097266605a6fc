// The one gate: which role somebody has, and what a role may do. Every way in asks here.
import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIPv6 } from 'node:net';
import type { Role } from '../config/schema.js';
import { NotPermittedError } from '../errors.js';
import type { NeededRole } from '../handlers/command.js';

/** Each role may do what those before it may. */
const rank: Readonly<Record<NeededRole, number>> = { none: 0, viewer: 1, operator: 2, admin: 3 };

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** What somebody is let do by something they have proved, under the name that it has in the configuration. */
export interface Grant {
  readonly name: string;
  readonly role: Role;
}

/** A client certificate that gives a role, known by itself or by the name that an authority has put in it. */
export type KnownCertificate = Grant & ({ readonly fingerprint: string } | { readonly commonName: string });

/** A token that gives a role. */
export interface KnownToken extends Grant {
  /** SHA-256 of it, 32 bytes. */
  readonly hash: Uint8Array;
}

export interface RoleOptions {
  readonly defaultRole: Role;
  readonly loopbackRole: Role;
  /** None unless given. */
  readonly tokens?: readonly KnownToken[];
  readonly certificates?: readonly KnownCertificate[];
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
  /** The highest that anything gives them. */
  readonly role: Role;
  /** What their address alone gives them. */
  readonly byAddress: Role;
  /** What it would give them after garbage. */
  readonly byAddressAfterGarbage: Role;
  /** What their client certificate gives them; null: nothing. */
  readonly byCertificate: Grant | null;
  /** The best of what the tokens give them that they have shown; null: nothing. */
  readonly byToken: Grant | null;
}

/** Who somebody is who has shown no token. */
export function identify({ address, isForwarded, certificate }: Origin, options: RoleOptions): Identity {
  const { defaultRole, loopbackRole, certificates = [] } = options;
  const isLocal = !isForwarded && loopback.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
  const known = certificate === null ? [] : certificates.filter((each) => fits(certificate, each));
  return identityOf(isLocal ? loopbackRole : defaultRole, {
    strangerRole: defaultRole,
    byCertificate: known.reduce(bestOf, null),
  });
}

/** What is known of somebody beside the role of their address. */
export interface Proved {
  /** What strangers have; unless given, what the address gives. */
  readonly strangerRole?: Role;
  readonly byCertificate?: Grant | null;
  readonly byToken?: Grant | null;
}

/** Somebody whose address gives them `byAddress`, and who has proved this beside it, or nothing. */
export function identityOf(
  byAddress: Role,
  { strangerRole = byAddress, byCertificate = null, byToken = null }: Proved = {},
): Identity {
  const byAddressAfterGarbage = lowerOf(operatorAtMost(byAddress), strangerRole);
  const proved = byToken === null ? byCertificate : bestOf(byCertificate, byToken);
  const role = proved === null || rank[proved.role] < rank[byAddress] ? byAddress : proved.role;
  return { name: proved?.name ?? null, role, byAddress, byAddressAfterGarbage, byCertificate, byToken };
}

/** Who somebody is once a token has given them this as well. */
export function withGrant(before: Identity, grant: Grant): Identity {
  const { byAddress, byAddressAfterGarbage, byCertificate, byToken } = before;
  return identityOf(byAddress, {
    strangerRole: byAddressAfterGarbage,
    byCertificate,
    byToken: bestOf(byToken, grant),
  });
}

/** Of several the highest counts, and of equals the last. */
function bestOf(before: Grant | null, { name, role }: Grant): Grant {
  return before === null || rank[role] >= rank[before.role] ? { name, role } : before;
}

/**
 * What the token with this hash gives; null: it is none of ours. Every known one is compared, each in constant time, so that the time tells
 * nothing of which is nearest. Plain SHA-256 will do, since nobody can try out tokens of so many random bits; what slow
 * hashes are for is passwords.
 */
export function grantOf(shown: Uint8Array, known: readonly KnownToken[]): Grant | null {
  let found: Grant | null = null;
  for (const { hash, name, role } of known) if (timingSafeEqual(hash, shown)) found = { name, role };
  return found;
}

export function tokenHash(token: string): Uint8Array {
  return createHash('sha256').update(token, 'utf8').digest();
}

/**
 * Who a connection is that has sent garbage: a web page can make a browser send such, which comes from the machine itself,
 * or shows a certificate, without asking the person at it. So it counts as a stranger by its address, and neither that nor the
 * certificate makes an admin any longer. A token does: no browser shows one by itself.
 */
export function afterGarbage({ byAddressAfterGarbage, byCertificate, byToken }: Identity): Identity {
  return identityOf(byAddressAfterGarbage, {
    byCertificate: byCertificate && { name: byCertificate.name, role: operatorAtMost(byCertificate.role) },
    byToken,
  });
}

function operatorAtMost(role: Role): Role {
  return lowerOf(role, 'operator');
}

function lowerOf(a: Role, b: Role): Role {
  return rank[a] < rank[b] ? a : b;
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

function fits({ name, fingerprint }: ClientCertificate, known: KnownCertificate): boolean {
  return 'fingerprint' in known ? known.fingerprint === fingerprint : known.commonName === name;
}
