// A host that models are downloaded from, made to answer whatever a test wants, byte by byte; and a downloader with a
// folder of its own.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, realpath, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { pino } from 'pino';
import { z } from 'zod';
import { defaultPatience, type Patience } from '#src/downloads/download-clock.js';
import {
  ModelDownloader,
  type DownloaderOptions,
  type DownloadRequest,
} from '#src/downloads/model-downloader.js';
import type { CertificateFiles } from '../support/certificates.js';

export interface Ending {
  after(end: () => Promise<void> | void): void;
}

/** What is sent for a path: these bytes, and then the connection is closed; or what the function does. */
export type Script = string | Buffer | ((socket: Socket) => void);

export interface ModelHost {
  readonly port: number;
  /** `http://127.0.0.1:PORT`, or with https. */
  readonly origin: string;
  /** The heads of all requests so far. */
  readonly requests: readonly string[];
}

export async function startHost(
  ending: Ending,
  scripts: Readonly<Record<string, Script>>,
  certificate?: CertificateFiles,
): Promise<ModelHost> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const serve = (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    let head = '';
    socket.on('data', (bytes) => {
      if (head.endsWith('\r\n\r\n')) return;
      head += bytes.toString('latin1');
      if (!head.endsWith('\r\n\r\n')) return;
      requests.push(head);
      const script = scripts[head.split(' ')[1] ?? ''] ?? statusLine('404 Not Found', '');
      if (typeof script === 'function') script(socket);
      else socket.end(script);
    });
  };
  const server: Server =
    certificate === undefined
      ? createServer(serve)
      : createTlsServer({ cert: readFileSync(certificate.cert), key: readFileSync(certificate.key) }, serve);
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ending.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = portSchema.parse(server.address()) satisfies Pick<AddressInfo, 'port'>;
  const scheme = certificate === undefined ? 'http' : 'https';
  return { port, origin: `${scheme}://127.0.0.1:${port}`, requests };
}

const portSchema = z.object({ port: z.int() });

/** An answer with a body and its length. */
export function file(body: string | Buffer, headers = ''): Buffer {
  const bytes = Buffer.from(body);
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: ${bytes.length}\r\n${headers}\r\n`),
    bytes,
  ]);
}

export function statusLine(status: string, body: string, headers = ''): string {
  return `HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`;
}

export function redirect(location: string, status = '302 Found'): string {
  return statusLine(status, '', `location: ${location}\r\n`);
}

/** Answers when it is told to. */
export class Held {
  readonly asked: Promise<void>;
  readonly #sockets: Socket[] = [];
  #onAsked = () => {};

  constructor() {
    this.asked = new Promise((resolve) => (this.#onAsked = resolve));
  }

  readonly script: Script = (socket) => {
    this.#sockets.push(socket);
    this.#onAsked();
  };

  answer(bytes: Buffer): void {
    for (const socket of this.#sockets.splice(0)) socket.end(bytes);
  }
}

export interface Workplace {
  readonly downloader: ModelDownloader;
  readonly folder: string;
  /** Each line of the log. */
  readonly logged: string[];
  /** What was to be proved. */
  readonly proved: string[];
  /** Asks for `name` in the folder. */
  readonly download: (url: string, more?: Partial<DownloadRequest>) => Promise<void>;
  /** What is in the folder, hidden things too. */
  readonly left: () => Promise<readonly string[]>;
}

export async function makeWorkplace(
  ending: Ending,
  hosts: readonly string[],
  options: Partial<DownloaderOptions> = {},
): Promise<Workplace> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'pear-downloads-')));
  const logged: string[] = [];
  const proved: string[] = [];
  const downloader = new ModelDownloader({
    hosts,
    maxBytes: 1024 * 1024,
    timeoutMs: 60_000,
    log: pino({ level: 'info' }, { write: (line) => void logged.push(line) }),
    prove: (path) => {
      proved.push(path);
      return Promise.resolve();
    },
    ...options,
  });
  ending.after(async () => {
    await downloader.close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    downloader,
    folder,
    logged,
    proved,
    download: (url, more = {}) => downloader.download({ url, name: 'pear.onnx', folder, ...more }),
    left: () => readdir(folder),
  };
}

/** Patience that is soon at its end in one stage, for hosts that never do what is waited for there. */
export function hurryIn(stage: Exclude<keyof Patience, 'bytesMin'>): Patience {
  return { ...defaultPatience, [stage]: 300 };
}
