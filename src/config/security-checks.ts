// What the keys below security must be to each other, and what of them a person may not have meant.
import { isIP } from 'node:net';
import type { CrossCheck } from './cross-check.js';
import type { Config } from './schema.js';
import type { Settings } from './settings.js';

export const securityChecks: readonly CrossCheck[] = [
  {
    keys: ['security.tokens'],
    problem: ({ security: { tokens } }) =>
      twice('name', tokens) ??
      twice('sha256', tokens, (hash) => hash.toLowerCase()) ??
      twice('token_path', tokens),
  },
  {
    keys: ['security.client_certificates'],
    problem: ({ security: { client_certificates } }) =>
      twice('fingerprint', client_certificates, plainFingerprint) ??
      twice('common_name', client_certificates),
  },
];

/** Says what strangers may do over an admin HTTP that they can reach. */
export function securityNotes({ admin, security }: Config, settings: Settings): string[] {
  const { default_role, tokens } = security;
  if (!admin.enabled || isLoopback(admin.host) || tokens.length > 0) return [];
  const may =
    default_role === 'admin'
      ? 'see and disconnect every connection'
      : 'see the status and the metrics of this server';
  return [
    `admin.host: ${admin.host} is open to others, and no token is configured: a stranger may ${may} ` +
      `(security.default_role: ${default_role}), and who has an admin token later shows it unencrypted; ` +
      `listen on 127.0.0.1, or see docs/security.md (${settings.originOf('admin.host') ?? 'default'})`,
  ];
}

/** As node:tls gives it, without its colons, in lower case. */
export function plainFingerprint(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}

function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

/** Names the entries by number: what they hold is not for a message. */
function twice<Key extends string>(
  key: Key,
  entries: readonly { readonly [key in Key]?: string | undefined }[],
  canonical = (value: string) => value,
): string | undefined {
  const seen = new Map<string, number>();
  for (const [index, entry] of entries.entries()) {
    const value = entry[key];
    if (value === undefined) continue;
    const first = seen.get(canonical(value));
    if (first !== undefined) return `entries ${first} and ${index} have the same ${key}; each needs its own`;
    seen.set(canonical(value), index);
  }
  return undefined;
}
