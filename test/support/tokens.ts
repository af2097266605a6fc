// A token for each role, as the configuration and the gate know them, and what looks at them.
import { createHash } from 'node:crypto';
import { pino } from 'pino';
import { roles, type Role } from '#src/config/schema.js';
import { networkOf } from '#src/cluster/address-network.js';
import type { Logger } from '#src/log.js';
import { Authenticator } from '#src/server/authenticator.js';
import { tokenHash, type KnownToken } from '#src/server/gate.js';
import { request } from './replies.js';

/** Of a length that no log line has by chance. */
export const tokens: Readonly<Record<Role, string>> = {
  viewer: 'v1ew-er-0123456789abcdefghijklmnopqrstuvw',
  operator: '0perat-or-0123456789abcdefghijklmnopqrstu',
  admin: 'adm1n-0123456789abcdefghijklmnopqrstuvwxy',
};
export const wrongToken = 'wr0ng-0123456789abcdefghijklmnopqrstuvwxy';

/** Whom each token makes of somebody. */
export const nameOf = (role: Role): string => `the-${role}`;

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export const knownTokens: readonly KnownToken[] = roles.map((role) => ({
  name: nameOf(role),
  role,
  hash: tokenHash(tokens[role]),
}));

/** A server that knows them; wrong ones are answered after `delayMs`, and later each time. */
export const withTokens = (delayMs = 1): readonly string[] => [
  '--security.tokens',
  JSON.stringify(roles.map((role) => ({ name: nameOf(role), role, sha256: sha256(tokens[role]) }))),
  '--security.failed_authentication_delay_ms',
  String(delayMs),
];

export function authenticatorOf({
  known = knownTokens,
  delayMs = 1,
  log = pino({ level: 'silent' }),
}: {
  readonly known?: readonly KnownToken[];
  readonly delayMs?: number;
  readonly log?: Logger;
} = {}): Authenticator {
  return new Authenticator({ tokens: known, delayMs, networkOf, log });
}

/** 0x10 with a token. */
export const authenticate = (token: string): string => request(0x10, [token]);
