// Opens the connection of a client, over TLS where that is wished, and only to a server that proves who it is.
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, TLSSocket, type ConnectionOptions } from 'node:tls';

/** Texts in PEM format. `{}`: TLS with a server whose certificate is from an authority that Node.js knows. */
export interface ClientTls {
  /** Authorities that the server's certificate may come from; only these. */
  readonly ca?: string | undefined;
  /** The certificate that we show, and its private key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** The name that the server's certificate must bear; left out: the host. */
  readonly servername?: string | undefined;
  /** SHA-256 of the certificate that the server must show, as Node.js writes it; nothing else of it counts then. */
  readonly fingerprint256?: string | undefined;
}

export interface SocketOptions {
  readonly host: string;
  readonly port: number;
  /** Left out: no TLS. */
  readonly tls?: ClientTls | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Within so long the connection must be there; without it as long as the system tries. */
  readonly timeoutMs?: number | undefined;
}

/** The server shows another certificate than the one that is known. */
export class OtherCertificateError extends Error {
  override readonly name = 'OtherCertificateError';
  readonly code = 'OTHER_CERTIFICATE';
}

/** Rejects where nobody listens there or does not prove who it is; with `late()` where that takes too long. */
export async function openSocket(options: SocketOptions, late: () => Error): Promise<Socket> {
  const { host, port, tls, signal, timeoutMs } = options;
  const place = { host, port, noDelay: true, ...(signal === undefined ? {} : { signal }) };
  const socket = tls === undefined ? connect(place) : connectTls({ ...place, ...tlsOptions(host, tls) });
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => socket.destroy(late()), timeoutMs);
  try {
    await once(socket, tls === undefined ? 'connect' : 'secureConnect');
  } finally {
    clearTimeout(timer);
  }
  const known = tls?.fingerprint256;
  // Nothing has been sent yet.
  if (socket instanceof TLSSocket && known !== undefined && shownBy(socket) !== known) {
    socket.destroy();
    throw new OtherCertificateError('the server shows another certificate than the one that is known');
  }
  return socket;
}

function tlsOptions(
  host: string,
  { ca, cert, key, servername, fingerprint256 }: ClientTls,
): ConnectionOptions {
  const name = servername ?? host;
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    // An address is nothing to ask for, but a certificate may be for it all the same.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    checkServerIdentity: (_asked, certificate) => checkServerIdentity(name, certificate),
    rejectUnauthorized: fingerprint256 === undefined,
  };
}

function shownBy(socket: TLSSocket): string | undefined {
  return socket.getPeerX509Certificate()?.fingerprint256;
}
