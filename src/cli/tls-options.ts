// How the tools speak TLS: the options that say so, what they mean, and what to do where it fails.
import { X509Certificate } from 'node:crypto';
import type { ClientTls } from '../client/open-socket.js';
import { StartupError } from '../errors.js';
import { readPem } from '../named-files.js';
import { flag, text } from './option-values.js';

/** Of every tool that may speak TLS. */
export const certificateOptions = {
  ca: text('FILE', "with TLS: PEM file of the authority of the server's certificate"),
  cert: text('FILE', 'with TLS: PEM file of the certificate to show'),
  key: text('FILE', 'with TLS: PEM file of its private key'),
  servername: text('NAME', "with TLS: the name that the server's certificate must bear; by default its host"),
};

export const tlsOptions = {
  tls: flag('speak TLS; --ca, --cert and --servername mean that, too'),
  ...certificateOptions,
};

export interface TlsOptions {
  readonly tls?: boolean | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly servername?: string | undefined;
}

/** What the configuration says of the server's own certificate. */
export interface ConfiguredTls {
  readonly cert_path: string | null;
}

/**
 * undefined: no TLS. `configured`: of the server that is meant, null for one that the configuration does not know; its
 * keys stand below `section`. Where nothing else says whom to trust, the server of the configuration is known by its
 * certificate. Throws StartupError.
 */
export function readClientTls(
  options: TlsOptions,
  configured: ConfiguredTls | null | undefined,
  section: string,
): ClientTls | undefined {
  const { ca, cert, key, servername } = options;
  const ownPath = configured?.cert_path ?? null;
  const isMeant = [ca, cert, key, servername].some((option) => option !== undefined);
  if (ownPath === null && options.tls !== true && !isMeant) return undefined;
  if ((cert === undefined) !== (key === undefined)) {
    throw new StartupError(
      cert === undefined ? '--key stands alone' : '--cert stands alone',
      'give both, the certificate and its private key',
    );
  }
  const isKnown = ownPath !== null && ca === undefined && servername === undefined;
  return {
    ca: ca === undefined ? undefined : readPem(ca, '--ca', 'CERTIFICATE'),
    cert: cert === undefined ? undefined : readPem(cert, '--cert', 'CERTIFICATE'),
    key: key === undefined ? undefined : readPem(key, '--key', 'PRIVATE KEY'),
    servername,
    fingerprint256: isKnown
      ? new X509Certificate(readPem(ownPath, `${section}.cert_path`, 'CERTIFICATE')).fingerprint256
      : undefined,
  };
}

const cures: readonly (readonly [pattern: RegExp, cure: string])[] = [
  [
    /^OTHER_CERTIFICATE$/,
    'name its authority with --ca FILE, or try again where the certificate has just been renewed',
  ],
  [/ALTNAME/, 'the certificate is for another name: name that with --servername NAME, or connect by it'],
  [
    /^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)$/,
    "renew the server's certificate, or mend the clock of this machine",
  ],
  [
    /UNABLE_TO|SELF_SIGNED|CERT_|INVALID_CA/,
    "nobody who is trusted has issued the server's certificate: name the PEM file of its authority with --ca FILE",
  ],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH/,
    'it does not speak TLS at this port: leave out --tls, --ca, --cert and --servername',
  ],
  [/KEY_VALUES_MISMATCH/, '--key must be the private key of the certificate in --cert'],
  [/PASSPHRASE|OSSL|PEM/, 'the files of --ca, --cert and --key must be PEM files, without a passphrase'],
  [/ALERT_INTERNAL/, 'it takes no more connections now: look into its log, and try again later'],
  [/ALERT/, 'look into the log of the server: it says what it does not accept'],
  [
    /ECONNRESET/,
    'it closed the connection in the handshake: its log says why, or it does not speak TLS at this port',
  ],
];

/** What to do where TLS has failed with this code; null where it is not about TLS. */
export function tlsCure(code: string): string | null {
  return cures.find(([pattern]) => pattern.test(code))?.[1] ?? null;
}
