// What a client's certificate says of it. Only what has been verified counts: from an authority of client_ca_path, for
// clients, and valid now.
import { TLSSocket } from 'node:tls';
import type { Socket } from 'node:net';
import type { ClientCertificate } from '../gate.js';

/** null: it speaks no TLS, or has shown none that counts. */
export function clientCertificateOf(socket: Socket): ClientCertificate | null {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return null;
  const shown = socket.getPeerX509Certificate();
  if (shown === undefined) return null;
  // A subject may have several common names, or none: then it has no name that could be relied on.
  const name: unknown = shown.toLegacyObject().subject.CN;
  return {
    name: typeof name === 'string' ? name : '',
    fingerprint: shown.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}

/** Why the certificate that a client has shown does not count; null where it does, or none was shown. */
export function refusedCertificate(socket: TLSSocket): string | null {
  if (socket.authorized || socket.getPeerX509Certificate() === undefined) return null;
  // Node gives the code, although it is declared as an error.
  return String(socket.authorizationError);
}
