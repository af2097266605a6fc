// A certificate to be shown to clients, with its key and the authorities of theirs: read from the files that the
// configuration names, and checked, so that what is wrong is told in words and not at the first handshake.
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { StartupError } from '../../errors.js';
import {
  assertPem,
  type FileText,
  parseCertificate,
  readFileText,
  readFileTextLater,
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

export interface Certificate {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | undefined;
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

/** What was read, of the files that are named. */
interface Texts {
  readonly cert: FileText;
  readonly key: FileText;
  readonly ca: FileText | null;
}

/** Throws StartupError, which names key, file and cure. */
export function readCertificate(files: CertificateFiles): Certificate {
  const { section, certPath, keyPath, clientCaPath } = files;
  return certificateOf(files, {
    cert: readFileText(certPath, `${section}.cert_path`),
    key: readFileText(keyPath, `${section}.key_path`),
    ca: clientCaPath === null ? null : readFileText(clientCaPath, `${section}.client_ca_path`),
  });
}

/** The same while others are served; one file after the other, so that a share that hangs takes one thread of the pool. */
export async function readCertificateLater(files: CertificateFiles): Promise<Certificate> {
  const { section, certPath, keyPath, clientCaPath } = files;
  return certificateOf(files, {
    cert: await readFileTextLater(certPath, `${section}.cert_path`),
    key: await readFileTextLater(keyPath, `${section}.key_path`),
    ca: clientCaPath === null ? null : await readFileTextLater(clientCaPath, `${section}.client_ca_path`),
  });
}

/** Throws StartupError. */
function certificateOf(
  { section, certPath, keyPath, clientCaPath }: CertificateFiles,
  texts: Texts,
): Certificate {
  const [cert, key, ca] = [texts.cert.text, texts.key.text, texts.ca?.text];
  assertPem(cert, certPath, `${section}.cert_path`, 'CERTIFICATE');
  assertPem(key, keyPath, `${section}.key_path`, 'PRIVATE KEY');
  if (ca !== undefined) assertPem(ca, clientCaPath ?? '', `${section}.client_ca_path`, 'CERTIFICATE');
  const own = parseCertificate(cert, certPath, `${section}.cert_path`);
  if (!own.checkPrivateKey(parsedKey(key, keyPath, `${section}.key_path`))) {
    throw new StartupError(
      `${section}.key_path: ${keyPath} is not the private key of the certificate in ${certPath}`,
      `name the two files that belong together; in ${certPath} our own certificate stands first`,
    );
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
    // A dot in front would stand for any name before it.
    bears: (name) => /^\w/.test(name) && own.checkHost(name, { subject: 'never' }) !== undefined,
    warnings: texts.key.isOpenToAll
      ? [
          `${section}.key_path: everybody on this machine can read the private key ${keyPath}; ` +
            `take that right away (chmod o-rwx ${keyPath})`,
        ]
      : [],
  };
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
