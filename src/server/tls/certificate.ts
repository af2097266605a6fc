// A certificate to be shown to clients, with its key and the authorities of theirs: read from the files that the
// configuration names, and checked, so that what is wrong is told in words and not at the first handshake.
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { StartupError } from '../../errors.js';
import { readPem, unusablePair } from '../../tls-files.js';

/** `section`: which keys of the configuration name them. */
export interface CertificateFiles {
  readonly section: 'server.tls' | 'admin.tls';
  readonly certPath: string;
  readonly keyPath: string;
  /** null: clients are not asked for a certificate. */
  readonly clientCaPath: string | null;
}

export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | undefined;
  /** Whom it is for, in one line. */
  readonly subject: string;
  /** In milliseconds since the epoch. */
  readonly validFrom: number;
  readonly validTo: number;
  /** What works and should be mended all the same. */
  readonly warnings: readonly string[];
}

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
export function readCertificate({ section, certPath, keyPath, clientCaPath }: CertificateFiles): Certificate {
  const cert = readPem(certPath, `${section}.cert_path`, 'CERTIFICATE');
  const key = readPem(keyPath, `${section}.key_path`, 'PRIVATE KEY');
  const ca =
    clientCaPath === null ? undefined : readPem(clientCaPath, `${section}.client_ca_path`, 'CERTIFICATE');
  const own = parsed(cert, certPath, `${section}.cert_path`);
  if (!own.checkPrivateKey(parsedKey(key, keyPath, `${section}.key_path`))) {
    throw new StartupError(
      `${section}.key_path: ${keyPath} is not the private key of the certificate in ${certPath}`,
      `name the two files that belong together; in ${certPath} our own certificate stands first`,
    );
  }
  for (const each of ca?.match(/-----BEGIN[^]*?-----END [^\n]*/g) ?? []) {
    parsed(each, clientCaPath ?? '', `${section}.client_ca_path`);
  }
  try {
    createSecureContext({ cert, key, ca });
  } catch (cause) {
    throw unusablePair(section, cause);
  }
  return {
    cert,
    key,
    ca,
    subject: own.subject.replaceAll('\n', ', ') || (own.subjectAltName ?? ''),
    validFrom: Date.parse(own.validFrom),
    validTo: Date.parse(own.validTo),
    warnings: readableByAll(keyPath)
      ? [
          `${section}.key_path: everybody on this machine can read the private key ${keyPath}; ` +
            `take that right away (chmod o-rwx ${keyPath})`,
        ]
      : [],
  };
}

function parsed(pem: string, path: string, key: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new StartupError(`${key}: a certificate in ${path} is damaged`, 'make or copy the file anew');
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

function readableByAll(path: string): boolean {
  return ((statSync(path, { throwIfNoEntry: false })?.mode ?? 0) & 0o004) !== 0;
}
