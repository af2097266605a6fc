// The server below the admin HTTP: over TLS where there are certificates. Who fails there is told of in the log, as at the
// client port.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Logger } from '../log.js';
import { CountedLog } from '../server/counted-log.js';
import { plainAddress } from '../server/gate.js';
import type { CertificateWatch } from '../server/tls/certificate-watch.js';
import { refusedCertificate } from '../server/tls/client-certificate.js';
import { failureOf } from '../server/tls/failures.js';
import { secureContextOf } from '../server/tls/secure-context.js';

const handshakeTimeoutMs = 10_000;

export function createHttpServer(
  certificates: CertificateWatch | null,
  log: Logger,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  if (certificates === null) return createServer(listener);
  const { ca } = certificates.current;
  const failures = new CountedLog(log, 'TLS handshakes of the admin HTTP failed', 'failed');
  const refused = new CountedLog(log, 'certificates of clients of the admin HTTP do not count', 'refused');
  const server = createTlsServer(
    {
      ...secureContextOf(certificates.current),
      requestCert: ca !== undefined,
      // Who shows none may have a role all the same: that is for the gate to say.
      rejectUnauthorized: false,
      handshakeTimeout: handshakeTimeoutMs,
    },
    listener,
  );
  server.on('secureConnection', (socket) => {
    const reason = refusedCertificate(socket);
    if (reason !== null) refused.warn({ address: addressOf(socket), reason });
  });
  server.on('tlsClientError', (error, socket) => {
    // Who only looks whether somebody listens here, as probes do, has not failed.
    if (!('code' in error && error.code === 'ECONNRESET'))
      failures.warn({ address: addressOf(socket), reason: failureOf(error) });
    socket.destroy();
  });
  certificates.onChange((certificate) => {
    server.setSecureContext(secureContextOf(certificate));
  });
  return server;
}

function addressOf({ remoteAddress }: TLSSocket): string {
  return plainAddress(remoteAddress ?? '');
}
