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

/** Says what strangers may do over an admin HTTP that they can reach, and which doors let tokens be read on the way. */
export function securityNotes(config: Config, settings: Settings): string[] {
  const notes = [...strangerNotes(config), ...clearTokenNotes(config), ...uselessCertificateNotes(config)];
  return notes.map(([key, words]) => `${key}: ${words} (${settings.originOf(key) ?? 'default'})`);
}

type Note = readonly [key: string, words: string];

function strangerNotes({ admin, security }: Config): Note[] {
  const { default_role, tokens, client_certificates } = security;
  const isKnown = tokens.length > 0 || (client_certificates.length > 0 && admin.tls.client_ca_path !== null);
  if (!admin.enabled || isLoopback(admin.host) || isKnown) return [];
  const may =
    default_role === 'admin'
      ? 'see and disconnect every connection'
      : 'see the status and the metrics of this server';
  const words = [
    `${admin.host} is open to others, and neither a token nor a client certificate gives a role there: ` +
      `a stranger may ${may} (security.default_role: ${default_role})`,
    ...(admin.tls.cert_path === null ? ['who has an admin token later shows it unencrypted'] : []),
  ];
  return [['admin.host', `${words.join(', and ')}; listen on 127.0.0.1, or see docs/security.md`]];
}

function clearTokenNotes({ server, admin, security }: Config): Note[] {
  if (security.tokens.length === 0) return [];
  const doors = [['server', server], ...(admin.enabled ? [['admin', admin] as const] : [])] as const;
  return doors.flatMap(([name, { host, tls }]): Note[] => {
    if (tls.cert_path !== null || isLoopback(host)) return [];
    const words = `${host} is open to others without TLS: tokens can be read on the way`;
    return [[`${name}.host`, `${words}; set ${name}.tls.cert_path and key_path, or listen on 127.0.0.1`]];
  });
}

function uselessCertificateNotes({ server, admin, security }: Config): Note[] {
  const isAsked = server.tls.client_ca_path !== null || admin.tls.client_ca_path !== null;
  if (security.client_certificates.length === 0 || isAsked) return [];
  const words = 'nobody is asked for one; name their authority in server.tls.client_ca_path';
  return [['security.client_certificates', words]];
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
