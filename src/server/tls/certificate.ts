// A certificate to be shown to clients, with its key and the authorities of theirs: read from the files that the
// configuration names, and checked, so that what is wrong is told in words and not at the first handshake.
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { StartupError } from '../../errors.js';
import {
  assertPem,
  type FileText,
  parseCertificate,
  readFileText,
  readFileTextLater,
  rightsWarnings,
  unusablePair,
} from '../../named-files.js';

/** `section`: which keys of the configuration name them. */
export interface CertificateFiles {
  readonly section: 'server.tls' | 'admin.tls';
  readonly certPath: string;
  readonly keyPath: string;
  /** null: clients are not asked for a certificate. */
  readonly clientCaPath: string | null;
}

/** A certificate and its private key. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
  /** Whom it is for, in one line. */
  readonly subject: string;
  /** In milliseconds since the epoch. */
  readonly validFrom: number;
  readonly validTo: number;
  /** Whether it bears this name, as a client looks at it; a common name is none. */
  readonly bears: (name: string) => boolean;
  /** What works and should be mended all the same. */
  readonly warnings: readonly string[];
}

/** Whose certificates of clients are believed. */
export interface Authorities {
  /** undefined: clients are not asked for a certificate. */
  readonly ca: string | undefined;
  readonly caWarnings: readonly string[];
}

export type Certificate = Pair & Authorities;

/** What a certificate was read from: PEM. */
export const certificateTextsSchema = z.object({
  cert: z.string(),
  key: z.string(),
  /** Left out: clients are not asked for a certificate. */
  ca: z.string().optional(),
});
export type CertificateTexts = Readonly<z.output<typeof certificateTextsSchema>>;

/** null where no certificate is named: no TLS. */
export function certificateFiles(
  section: CertificateFiles['section'],
  tls: {
    readonly cert_path: string | null;
    readonly key_path: string | null;
    readonly client_ca_path: string | null;
  },
): CertificateFiles | null {
  const { cert_path: certPath, key_path: keyPath, client_ca_path: clientCaPath } = tls;
  return certPath === null || keyPath === null ? null : { section, certPath, keyPath, clientCaPath };
}

/** Throws StartupError, which names key, file and cure. */
export function readCertificate(files: CertificateFiles): Certificate {
  const { section, certPath, keyPath, clientCaPath } = files;
  return {
    ...pairOf(
      files,
      readFileText(certPath, `${section}.cert_path`),
      readFileText(keyPath, `${section}.key_path`),
    ),
    ...authoritiesOf(
      files,
      clientCaPath === null ? null : readFileText(clientCaPath, `${section}.client_ca_path`),
    ),
  };
}

/** The same of what was read, and found to be good, before. */
export function certificateOf(files: CertificateFiles, { cert, key, ca }: CertificateTexts): Certificate {
  return {
    ...pairOf(files, readBefore(cert), readBefore(key)),
    ...authoritiesOf(files, ca === undefined ? null : readBefore(ca)),
  };
}

export function textsOf({ cert, key, ca }: Certificate): CertificateTexts {
  return { cert, key, ca };
}

/** Who may read the file was told then. */
function readBefore(text: string): FileText {
  return { text, rights: { allRead: false, groupWrites: false, allWrite: false, allReplaceIn: [] } };
}

/** The same of the pair, while others are served; one file after the other, so that a share that hangs takes one thread of the pool. */
export async function readPairLater(files: CertificateFiles): Promise<Pair> {
  const { section, certPath, keyPath } = files;
  const cert = await readFileTextLater(certPath, `${section}.cert_path`);
  return pairOf(files, cert, await readFileTextLater(keyPath, `${section}.key_path`));
}

/** The same of the authorities. */
export async function readAuthoritiesLater(files: CertificateFiles): Promise<Authorities> {
  const { section, clientCaPath } = files;
  return authoritiesOf(
    files,
    clientCaPath === null ? null : await readFileTextLater(clientCaPath, `${section}.client_ca_path`),
  );
}

/** For the log. What has no subject, as where a certificate names hosts only, has none in Node either, whatever its types say. */
function subjectOf({ subject, subjectAltName }: X509Certificate): string {
  const names: unknown[] = [subject, subjectAltName];
  const name = names.find((each): each is string => typeof each === 'string' && each !== '');
  return (name ?? 'without a name').replaceAll('\n', ', ');
}

/** Throws StartupError. */
function pairOf(
  { section, certPath, keyPath }: CertificateFiles,
  certFile: FileText,
  keyFile: FileText,
): Pair {
  const [cert, key] = [certFile.text, keyFile.text];
  assertPem(cert, certPath, `${section}.cert_path`, 'CERTIFICATE');
  assertPem(key, keyPath, `${section}.key_path`, 'PRIVATE KEY');
  const own = parseCertificate(cert, certPath, `${section}.cert_path`);
  if (!own.checkPrivateKey(parsedKey(key, keyPath, `${section}.key_path`))) {
    throw new StartupError(
      `${section}.key_path: ${keyPath} is not the private key of the certificate in ${certPath}`,
      `name the two files that belong together; in ${certPath} our own certificate stands first`,
    );
  }
  assertUsable(section, { cert, key });
  return {
    cert,
    key,
    subject: subjectOf(own),
    validFrom: Date.parse(own.validFrom),
    validTo: Date.parse(own.validTo),
    // A dot in front would stand for any name before it.
    bears: (name) => /^\w/.test(name) && own.checkHost(name, { subject: 'never' }) !== undefined,
    warnings: [
      ...rightsWarnings(`${section}.cert_path`, certPath, certFile.rights, 'public'),
      ...rightsWarnings(`${section}.key_path`, keyPath, keyFile.rights, 'secret'),
    ],
  };
}

/** Throws StartupError. */
function authoritiesOf({ section, clientCaPath }: CertificateFiles, file: FileText | null): Authorities {
  if (clientCaPath === null || file === null) return { ca: undefined, caWarnings: [] };
  const key = `${section}.client_ca_path`;
  assertPem(file.text, clientCaPath, key, 'CERTIFICATE');
  assertUsable(section, { ca: file.text });
  return { ca: file.text, caWarnings: rightsWarnings(key, clientCaPath, file.rights, 'public') };
}

/** Throws StartupError where node:tls does not take it. */
function assertUsable(section: string, parts: Partial<Pick<Certificate, 'cert' | 'key' | 'ca'>>): void {
  try {
    createSecureContext(parts);
  } catch (cause) {
    throw unusablePair(section, cause);
  }
}

function parsedKey(pem: string, path: string, key: string): KeyObject {
  if (pem.includes('ENCRYPTED')) {
    throw new StartupError(
      `${key}: the private key ${path} has a passphrase`,
      'take it away (openssl pkey -in KEY -out KEY_WITHOUT), since nobody is there to type it, and let only the server read the file',
    );
  }
  try {
    return createPrivateKey(pem);
  } catch {
    throw new StartupError(`${key}: the private key ${path} is damaged`, 'make or copy the file anew');
  }
}
