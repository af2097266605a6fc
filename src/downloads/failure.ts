// What whoever asked for a model is told of a download that broke: in words, without addresses. The log gets the cause.
import { codeOf, ResourceNotFoundError, WireError } from '../errors.js';

const connectionWords: readonly (readonly [RegExp, string])[] = [
  [/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/, 'the host takes no connection'],
  [
    /^(ECONNRESET|EPIPE|ERR_STREAM_PREMATURE_CLOSE)$/,
    'the host closed the connection before the file was whole',
  ],
  [
    /CERT|^(UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH)/,
    'the certificate of the host is not one that is trusted for its name; security.download_ca_path can name its authority',
  ],
  [/^(EPROTO|ERR_SSL|ERR_TLS)/, 'the host speaks no TLS that is safe'],
  [/^HPE_/, 'the answer of the host is no sound HTTP'],
];

/** The error of a download as `signal`, where it aborted, or the connection tells it. */
export function failureOf(error: unknown, signal: AbortSignal): WireError {
  if (signal.aborted && signal.reason instanceof WireError) return signal.reason;
  if (error instanceof WireError) return error;
  const code = codeOf(error) ?? '';
  const words = connectionWords.find(([pattern]) => pattern.test(code))?.[1];
  // Of several addresses that were tried in vain Node says nothing but the code.
  const cause = error instanceof Error && error.message === '' ? new Error(code, { cause: error }) : error;
  return new ResourceNotFoundError(words ?? 'the connection to the host failed', { cause });
}

/** An error of a check that is not of this folder, as `words` where it does not say itself what a client may know. */
export function wireErrorWith(error: unknown, words: string): WireError {
  return error instanceof WireError ? error : new ResourceNotFoundError(words, { cause: error });
}
