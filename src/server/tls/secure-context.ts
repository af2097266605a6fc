// What every TLS server here is made of, and made of anew when its certificate changes.
import { constants } from 'node:crypto';
import type { SecureContextOptions, SecureVersion } from 'node:tls';
import type { Certificate } from './certificate.js';

/**
 * No renegotiation: it costs the server far more than the client. No resumption: a ticket would let a client in by
 * authorities that have been taken away meanwhile, and its key would have to be shared by all workers and kept secret.
 * Connections live for days, so that a full handshake is cheap.
 */
const secureOptions = constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_TICKET;

export function secureContextOf(
  { cert, key, ca }: Certificate,
  minVersion: SecureVersion = 'TLSv1.2',
): SecureContextOptions {
  return { cert, key, ca, minVersion, secureOptions };
}
