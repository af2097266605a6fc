// Files of certificates as the configuration would name them.
import { cp, mkdir, mkdtemp, rename, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { CertificateFiles } from '#src/server/tls/certificate.js';
import type { Authority, CertificateFiles as Issued } from '../../support/certificates.js';

/** As `server.tls` names them. */
export function named({ cert, key }: Issued, clientCaPath: string | null = null): CertificateFiles {
  return { section: 'server.tls', certPath: cert, keyPath: key, clientCaPath };
}

/** A folder with `tls.crt` and `tls.key`, into which others can be put. */
export async function certificateFolder(authority: Authority, first: Issued) {
  const folder = await mkdtemp(join(authority.folder, 'live-'));
  const files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  const copy = async ({ cert, key }: Issued) => {
    await cp(cert, files.cert);
    await cp(key, files.key);
  };
  await copy(first);
  return {
    folder,
    files,
    /** Writes over the old ones. */
    copy,
    /** Writes beside them, and renames into their place. */
    rename: async ({ cert, key }: Issued) => {
      await cp(cert, `${files.cert}.new`);
      await cp(key, `${files.key}.new`);
      await rename(`${files.cert}.new`, files.cert);
      await rename(`${files.key}.new`, files.key);
    },
  };
}

/** As Kubernetes keeps them: the files are links through `..data`, a link to a folder that is swapped in one step. */
export async function swappedFolder(authority: Authority, first: Issued) {
  const folder = await mkdtemp(join(authority.folder, 'swapped-'));
  let version = 0;
  const swap = async ({ cert, key }: Issued) => {
    const data = `..version-${++version}`;
    await mkdir(join(folder, data));
    await cp(cert, join(folder, data, 'tls.crt'));
    await cp(key, join(folder, data, 'tls.key'));
    await symlink(data, join(folder, '..data.new'));
    await rename(join(folder, '..data.new'), join(folder, '..data'));
  };
  await swap(first);
  const files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  await symlink('..data/tls.crt', files.cert);
  await symlink('..data/tls.key', files.key);
  return { files, swap };
}
