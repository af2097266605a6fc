// Certificates of a test's own, made by openssl: an authority, and what it issues. They are valid for a day.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Paths of PEM files. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export interface Authority {
  readonly folder: string;
  /** The authority's own certificate. */
  readonly ca: string;
  /** Issues one for `names`, such as `DNS:localhost`; `days`: how long it is valid, -1 for one that has expired. */
  /** `subject` as openssl takes it. */
  issue(name: string, names: readonly string[], days?: number, subject?: string): Promise<CertificateFiles>;
  dispose(): Promise<void>;
}

export async function createAuthority(): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'pear-certificates-'));
  const at = (file: string) => join(folder, file);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const openssl = (...args: string[]) => run('openssl', args);
  await openssl(
    ...['req', '-x509', ...newKey, '-keyout', at('ca.key'), '-out', at('ca.crt'), '-days', '1'],
    ...['-subj', '/CN=authority of a test'],
  );
  return {
    folder,
    ca: at('ca.crt'),
    issue: async (name, names, days = 1, subject = `/CN=${name}`) => {
      const [cert, key] = [at(`${name}.crt`), at(`${name}.key`)];
      const [request, extension] = [at(`${name}.csr`), at(`${name}.ext`)];
      await openssl('req', ...newKey, '-keyout', key, '-out', request, '-subj', subject);
      await writeFile(extension, `subjectAltName=${names.join(',')}\n`);
      await openssl(
        ...['x509', '-req', '-in', request, '-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial'],
        ...['-out', cert, '-days', String(days), '-extfile', extension],
      );
      return { cert, key };
    },
    dispose: () => rm(folder, { recursive: true, force: true }),
  };
}
