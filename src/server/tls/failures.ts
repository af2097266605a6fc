// Why a handshake has failed, in words that say what to do at which side.
import { codeOf } from '../../errors.js';

const words: readonly (readonly [pattern: RegExp, words: string])[] = [
  [
    /HTTP_REQUEST|WRONG_VERSION_NUMBER|HTTPS_PROXY_REQUEST|PACKET_LENGTH_TOO_LONG/,
    'the client does not speak TLS; at this port it has to',
  ],
  [
    /UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|INAPPROPRIATE_FALLBACK/,
    'the client speaks only versions of TLS that are too old (server.tls.min_version)',
  ],
  [/NO_SHARED_CIPHER|NO_SUITABLE/, 'the client and this server have no cipher in common'],
  [/UNKNOWN_CA/, "the client does not know the authority of this server's certificate"],
  [/ALERT_CERTIFICATE_EXPIRED/, "the client finds that this server's certificate has expired"],
  [/ALERT_(BAD_CERTIFICATE|CERTIFICATE_UNKNOWN)/, "the client does not accept this server's certificate"],
  [/ECONNRESET|EPIPE/, 'the client went in the middle of it'],
];

export function failureOf(error: Error): string {
  const code = codeOf(error) ?? '';
  const known = words.find(([pattern]) => pattern.test(code));
  if (known !== undefined) return known[1];
  // OpenSSL's own text, without the addresses in its memory and the line of its source.
  const [, , , , , reason = ''] = error.message.split(':');
  return reason !== '' ? reason : code !== '' ? code : error.message;
}
