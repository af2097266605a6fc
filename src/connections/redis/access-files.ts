// The files that the configuration names for the way to Redis: certificates, keys and passwords. They are read when
// a client is made, so that a missing one is told at the start and not when Redis is first needed.
import { readFileSync } from 'node:fs';
import { createSecureContext, type ConnectionOptions } from 'node:tls';
import { StartupError } from '../../errors.js';
import type { RedisAccess } from '../choose-store.js';

/** A password of the configuration or from the file that it names; null: none. Throws StartupError. */
export function readPassword(access: RedisAccess, key: 'password' | 'sentinel_password'): string | null {
  const pathKey = `${key}_path` as const;
  const path = access[pathKey];
  if (path === null) return access[key];
  // Editors and `echo` end a file with a line break, which is no part of the password.
  const password = read(path, pathKey).replace(/\r?\n$/, '');
  if (password !== '') return password;
  throw new StartupError(
    `connections.redis.${pathKey}: ${path} is empty`,
    'write the password into the file, or set the key to null',
  );
}

/** What node:tls needs to know. Throws StartupError. */
export function readTls({ tls }: RedisAccess): ConnectionOptions {
  const { ca_path, cert_path, key_path, server_name, verify } = tls;
  const ca = readPem(ca_path, 'tls.ca_path', 'CERTIFICATE');
  const cert = readPem(cert_path, 'tls.cert_path', 'CERTIFICATE');
  const key = readPem(key_path, 'tls.key_path', 'PRIVATE KEY');
  return {
    secureContext: secureContext({ ca, cert, key }),
    rejectUnauthorized: verify,
    ...(server_name === null ? {} : { servername: server_name }),
  };
}

function secureContext(files: Record<'ca' | 'cert' | 'key', string | undefined>) {
  try {
    return createSecureContext(files);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StartupError(
      `connections.redis.tls: the files cannot be used (${reason})`,
      'key_path must be the private key of the certificate in cert_path, without a passphrase, and all files PEM',
    );
  }
}

function readPem(path: string | null, key: string, content: string): string | undefined {
  if (path === null) return undefined;
  const text = read(path, key);
  if (new RegExp(`^-----BEGIN [A-Z ]*${content}-----`, 'm').test(text)) return text;
  throw new StartupError(
    `connections.redis.${key}: ${path} has no ${content.toLowerCase()} in PEM format`,
    `name a file that has the line -----BEGIN ${content}-----`,
  );
}

function read(path: string, key: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new StartupError(
      `connections.redis.${key}: ${path} cannot be read (${code})`,
      'correct the path, or let the user that the server runs as read the file',
    );
  }
}
