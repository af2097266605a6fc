// Reads the files that the configuration or the command line names for TLS. What is wrong with one is told with its key,
// its path and the cure.
import { readFileSync } from 'node:fs';
import { StartupError } from './errors.js';

/** The text of a file; `key`: what has named it, such as `server.tls.cert_path`. Throws StartupError. */
export function readText(path: string, key: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new StartupError(
      `${key}: ${path} cannot be read (${code})`,
      'correct the path, or let the user that the server runs as read the file',
    );
  }
}

/** The same, of a file that must hold such a thing in PEM format. */
export function readPem(path: string, key: string, content: 'CERTIFICATE' | 'PRIVATE KEY'): string {
  const text = readText(path, key);
  if (new RegExp(`^-----BEGIN [A-Z ]*${content}-----`, 'm').test(text)) return text;
  throw new StartupError(
    `${key}: ${path} has no ${content.toLowerCase()} in PEM format`,
    `name a file that has the line -----BEGIN ${content}-----`,
  );
}

/** What to throw where node:tls does not take the files that the keys below `section` name. */
export function unusablePair(section: string, cause: unknown): StartupError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StartupError(
    `${section}: the files cannot be used (${reason})`,
    'key_path must be the private key of the certificate in cert_path, without a passphrase, and all files PEM',
  );
}
