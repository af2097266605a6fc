// What other users of the machine may do with the files that the configuration names, and should not. Those of tokens and of
// the certificates that we show are told of where they are read.
import { rightsWarningsOf } from '../named-files.js';
import type { Config } from './schema.js';

/** For the log at the start; `path`: the configuration itself. */
export function fileNotes({ connections: { redis }, security }: Config, path: string | null): string[] {
  const { ca_path, cert_path, key_path } = redis.tls;
  const files = [
    ['the configuration', path, 'public'],
    ['connections.redis.password_path', redis.password_path, 'secret'],
    ['connections.redis.sentinel_password_path', redis.sentinel_password_path, 'secret'],
    ['connections.redis.tls.key_path', key_path, 'secret'],
    ['connections.redis.tls.cert_path', cert_path, 'public'],
    ['connections.redis.tls.ca_path', ca_path, 'public'],
    ['security.download_ca_path', security.download_ca_path, 'public'],
  ] as const;
  return files.flatMap(([key, file, kind]) => (file === null ? [] : rightsWarningsOf(key, file, kind)));
}
