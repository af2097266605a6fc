// The authorities of security.download_ca_path, read at the start, so that a missing file is told then.
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { StartupError } from '../errors.js';

/** The PEM text, or undefined for those that Node.js knows. Throws StartupError. */
export function readDownloadCa(path: string | null): string | undefined {
  if (path === null) return undefined;
  const name = `security.download_ca_path: ${path}`;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    const cure = 'correct the path, or let the user that the server runs as read the file';
    throw new StartupError(`${name} cannot be read (${reason})`, cure, { cause });
  }
  const cure = 'name a file that has the line -----BEGIN CERTIFICATE-----';
  if (!text.includes('-----BEGIN CERTIFICATE-----')) {
    throw new StartupError(`${name} has no certificate in PEM format`, cure);
  }
  try {
    createSecureContext({ ca: text });
  } catch (cause) {
    throw new StartupError(`${name} holds a damaged certificate`, cure, { cause });
  }
  return text;
}
