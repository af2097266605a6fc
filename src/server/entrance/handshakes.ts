// From a connection that has a place to one that speaks TLS. It is Node's own TLS server that shakes hands and verifies
// certificates; it never listens, and is given connections one by one. Who fails is closed and told of in the log.
import type { Socket } from 'node:net';
import { createServer, type SecureVersion, type Server, type TLSSocket } from 'node:tls';
import type { ServerTls } from '../../config/tls-schema.js';
import { NotPermittedError } from '../../errors.js';
import type { Logger } from '../../log.js';
import { encodeReply, refusal } from '../../protocol/reply.js';
import { certificateFiles, type Certificate, type CertificateTexts } from '../tls/certificate.js';
import { CertificateWatch } from '../tls/certificate-watch.js';
import { refusedCertificate } from '../tls/client-certificate.js';
import { failureOf } from '../tls/failures.js';
import { secureContextOf } from '../tls/secure-context.js';
import { connectionKey } from '../connection-key.js';
import { CountedLog } from '../counted-log.js';
import { HandshakeTurns } from './handshake-turns.js';

export interface HandshakesOptions {
  readonly certificates: CertificateWatch;
  readonly minVersion: SecureVersion;
  readonly timeoutMs: number;
  /** Only those are let in who show a certificate that counts. */
  readonly requiresCertificate: boolean;
  readonly replyTerminator: string;
  /** Whom an address stands for: who has a whole network could come from a new address each time. */
  readonly networkOf: (address: string) => string;
  readonly log: Logger;
}

/** How long a client that is refused may take to read why. */
const lingerMs = 1_000;

/** A handshake under way. */
interface Pending {
  readonly address: string;
  readonly succeed: (socket: TLSSocket) => void;
  /** `reason`: for the log; null: it is told already, or nothing worth telling. */
  readonly fail: (reason: string | null) => void;
}

const ignore = () => undefined;

export class Handshakes {
  readonly #options: HandshakesOptions;
  readonly #server: Server;
  readonly #turns = new HandshakeTurns();
  /** By the ends of their connections, which tell which one Node speaks of. */
  readonly #pending = new Map<string, Pending>();
  readonly #sockets = new Set<Socket>();
  readonly #failures: CountedLog;
  readonly #refused: CountedLog;
  #isClosed = false;

  constructor(options: HandshakesOptions) {
    const { certificates, log } = options;
    this.#options = options;
    this.#failures = new CountedLog(log, 'TLS handshakes failed', 'failed');
    this.#refused = new CountedLog(log, 'certificates of clients do not count', 'refused');
    this.#server = createServer({
      ...this.#contextOf(certificates.current),
      // It is asked for at the start of the server only: `client_ca_path` is there, or it is not.
      requestCert: certificates.current.ca !== undefined,
      // Whose certificate does not count is told so in words, below.
      rejectUnauthorized: false,
      // Ours counts from the beginning, whatever comes meanwhile.
      handshakeTimeout: 0,
    });
    this.#server.on('secureConnection', (socket) => {
      this.#secured(socket);
    });
    this.#server.on('tlsClientError', (error, socket) => {
      this.#failed(error, socket);
    });
    certificates.onChange((certificate) => {
      this.#server.setSecureContext(this.#contextOf(certificate));
    });
  }

  /** null where the configuration names no certificate; `kept`: as for CertificateWatch. Throws StartupError. */
  static open(
    tls: ServerTls,
    kept: CertificateTexts | null,
    { replyTerminator, networkOf, log }: Pick<HandshakesOptions, 'replyTerminator' | 'networkOf' | 'log'>,
  ): Handshakes | null {
    const files = certificateFiles('server.tls', tls);
    if (files === null) return null;
    return new Handshakes({
      // The primary tells of the same files.
      certificates: new CertificateWatch(files, { log, tells: false, kept }),
      minVersion: tls.min_version,
      timeoutMs: tls.handshake_timeout_ms,
      requiresCertificate: tls.require_client_certificate,
      replyTerminator,
      networkOf,
      log,
    });
  }

  /**
   * Shakes hands over a connection that is not being read; resolves to null where that failed or there is no more time, and
   * the connection is closed then. `address`: whose connection it is.
   */
  async secure(socket: Socket, address: string): Promise<TLSSocket | null> {
    this.#sockets.add(socket);
    if (this.#isClosed) socket.destroy();
    const network = this.#options.networkOf(address);
    await this.#turns.enter(network);
    try {
      return socket.destroyed ? null : await this.#shakeHands(socket, address);
    } finally {
      this.#turns.leave(network);
      this.#sockets.delete(socket);
    }
  }

  /** Closes all that are under way, and those that come from now on: nobody has asked for anything yet. */
  close(): void {
    this.#isClosed = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  #contextOf(certificate: Certificate) {
    return secureContextOf(certificate, this.#options.minVersion);
  }

  #shakeHands(socket: Socket, address: string): Promise<TLSSocket | null> {
    const key = connectionKey(socket);
    const { allowHalfOpen } = socket;
    const readBefore = socket.bytesRead - socket.readableLength;
    return new Promise((resolve) => {
      const { timeoutMs } = this.#options;
      const settle = (secured: TLSSocket | null) => {
        clearTimeout(timer);
        this.#pending.delete(key);
        socket.off('close', gone);
        resolve(secured);
      };
      const succeed = (secured: TLSSocket) => {
        secured.allowHalfOpen = allowHalfOpen;
        // A connection that breaks while something is written says so below TLS only.
        socket.on('error', (error) => secured.destroy(error));
        settle(secured);
      };
      const fail = (reason: string | null) => {
        if (reason !== null) this.#failures.warn({ address, reason });
        settle(null);
      };
      const gone = () => {
        // Who only looks whether somebody listens here, as balancers do, has not failed.
        const hasBegun = socket.bytesRead > readBefore && !this.#isClosed;
        fail(hasBegun ? 'the client went in the middle of it' : null);
      };
      const timer = setTimeout(() => {
        fail(`it took longer than ${timeoutMs} ms`);
        socket.destroy();
      }, timeoutMs);
      this.#pending.set(key, { address, succeed, fail });
      socket.on('close', gone);
      // Who closes its side before it has shaken hands gets nothing any more.
      socket.allowHalfOpen = false;
      this.#server.emit('connection', socket);
    });
  }

  #secured(socket: TLSSocket): void {
    // Whoever has it next listens a moment later.
    socket.on('error', ignore);
    const pending = this.#pending.get(connectionKey(socket));
    // Gone at this very moment.
    if (pending === undefined) {
      socket.destroy();
      return;
    }
    const problem = refusedCertificate(socket);
    if (this.#options.requiresCertificate && !socket.authorized) {
      pending.fail(problem === null ? 'the client shows no certificate' : doesNotCount(problem));
      this.#refuse(socket);
      return;
    }
    if (problem !== null) this.#refused.warn({ address: pending.address, reason: problem });
    pending.succeed(socket);
  }

  #refuse(socket: TLSSocket): void {
    const { code, message } = new NotPermittedError(
      'this server serves only clients with a certificate from an authority that it trusts, and valid now',
    );
    socket.end(encodeReply(refusal(code, message, null), this.#options.replyTerminator));
    socket.resume();
    setTimeout(() => socket.destroy(), lingerMs).unref();
  }

  #failed(error: Error, socket: TLSSocket): void {
    this.#pending.get(connectionKey(socket))?.fail(failureOf(error));
    socket.destroy();
  }
}

function doesNotCount(problem: string): string {
  return `the certificate of the client does not count (${problem})`;
}
