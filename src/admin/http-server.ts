// The server below the admin HTTP: over TLS where there are certificates. Who fails there is told of in the log, as at the
// client port.
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Logger } from '../log.js';
import { CountedLog } from '../server/counted-log.js';
import { plainAddress } from '../server/gate.js';
import type { CertificateWatch } from '../server/tls/certificate-watch.js';
import { refusedCertificate } from '../server/tls/client-certificate.js';
import { failureOf } from '../server/tls/failures.js';
import { secureContextOf } from '../server/tls/secure-context.js';
import type { Places } from './places.js';
import { inTurn, type RequestListener } from './turns.js';

const handshakeTimeoutMs = 10_000;

/** A request comes in one piece; so who takes longer, and who says nothing, only takes a place. */
const timeouts = {
  headersTimeout: 5_000,
  /** Longer than a body may take, which is told in words. */
  requestTimeout: 15_000,
  /** For the next request of a connection that has had an answer. */
  keepAliveTimeout: 5_000,
  /** How often Node looks who is over its time; its own 30 seconds would make all of these long. */
  connectionsCheckingInterval: 1_000,
};

/** Beside TLS, what a server needs to know. */
export interface HttpServerOptions {
  readonly certificates: CertificateWatch | null;
  readonly places: Places;
  readonly log: Logger;
}

export function createHttpServer(
  { certificates, places, log }: HttpServerOptions,
  listener: RequestListener,
): Server {
  const next = inTurn(listener);
  const server =
    certificates === null ? createServer(timeouts, next) : createHttpsServer(certificates, log, next);
  places.watch(server);
  return server;
}

function createHttpsServer(certificates: CertificateWatch, log: Logger, listener: RequestListener): Server {
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
      ...timeouts,
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
