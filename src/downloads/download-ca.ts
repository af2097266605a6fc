// The authorities of security.download_ca_path, read at the start, so that a missing file is told then.
import { readPem } from '../named-files.js';

/** The PEM text, or undefined for those that Node.js knows. Throws StartupError. */
export function readDownloadCa(path: string | null): string | undefined {
  return path === null ? undefined : readPem(path, 'security.download_ca_path', 'CERTIFICATE');
}
