// The files that the configuration names for the way to Redis: certificates, keys and passwords. They are read when
// a client is made, so that a missing one is told at the start and not when Redis is first needed.
import { createSecureContext, type ConnectionOptions } from 'node:tls';
import { StartupError } from '../../errors.js';
import { readPem, readText, unusablePair } from '../../named-files.js';
import type { RedisAccess } from '../choose-store.js';

/** A password of the configuration or from the file that it names; null: none. Throws StartupError. */
export function readPassword(access: RedisAccess, key: 'password' | 'sentinel_password'): string | null {
  const pathKey = `${key}_path` as const;
  const path = access[pathKey];
  if (path === null) return access[key];
  // Editors and `echo` end a file with a line break, which is no part of the password.
  const password = readText(path, `connections.redis.${pathKey}`).replace(/\r?\n$/, '');
  if (password !== '') return password;
  throw new StartupError(
    `connections.redis.${pathKey}: ${path} is empty`,
    'write the password into the file, or set the key to null',
  );
}

const pem = (path: string | null, key: string, content: 'CERTIFICATE' | 'PRIVATE KEY') =>
  path === null ? undefined : readPem(path, `connections.redis.tls.${key}`, content);

/** What node:tls needs to know. Throws StartupError. */
export function readTls({ tls }: RedisAccess): ConnectionOptions {
  const { ca_path, cert_path, key_path, server_name, verify } = tls;
  const ca = pem(ca_path, 'ca_path', 'CERTIFICATE');
  const cert = pem(cert_path, 'cert_path', 'CERTIFICATE');
  const key = pem(key_path, 'key_path', 'PRIVATE KEY');
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
    throw unusablePair('connections.redis.tls', cause);
  }
}
