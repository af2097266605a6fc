// Health, metrics and the view of connections over HTTP, for probes, Prometheus and scripts. It only reads. The
// gate is the one of TCP; a foreign Host is refused, or a web page could read this through DNS rebinding.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIP, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { z } from 'zod';
import type { Role } from '../config/schema.js';
import { peerFilterSchema } from '../connections/record.js';
import { InvalidMessageError, NotPermittedError, StoreUnavailableError } from '../errors.js';
import type { ConnectionsReader } from '../connections/store.js';
import type { Logger } from '../log.js';
import { assertPermitted, plainAddress, roleOfAddress, type RoleOptions } from '../server/gate.js';
import { listenError } from '../server/listen-error.js';
import { prometheusText } from './metrics.js';

export interface AdminOptions {
  readonly host: string;
  readonly port: number;
  readonly hostId: string;
  readonly roles: RoleOptions;
  readonly view: ConnectionsReader;
  /** How many workers serve, how many should, and whether they are being ended. */
  readonly workers: () => { readonly serving: number; readonly wanted: number; readonly stopping: boolean };
  readonly log: Logger;
}

/** Only there to read the path of a request with. */
const origin = 'http://localhost';

interface Answer {
  readonly status: number;
  readonly type:
    'text/plain; version=0.0.4; charset=utf-8' | 'text/plain; charset=utf-8' | 'application/json';
  readonly body: string;
}

interface Route {
  /** null: open to all. */
  readonly role: Role | null;
  readonly answer: (query: URLSearchParams) => Promise<Answer> | Answer;
}

const querySchema = peerFilterSchema.extend({
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
  cursor: z.string().nullable().default(null),
});

export class AdminServer {
  readonly #options: AdminOptions;
  readonly #server: Server;
  readonly #routes: ReadonlyMap<string, Route>;

  constructor(options: AdminOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      void this.#handle(request, response);
    });
    this.#routes = new Map<string, Route>([
      ['/livez', { role: null, answer: () => text(200, 'ok\n') }],
      ['/readyz', { role: null, answer: () => this.#ready() }],
      ['/metrics', { role: 'viewer', answer: () => this.#metrics() }],
      ['/api/status', { role: 'viewer', answer: async () => json(200, await this.#status()) }],
      ['/api/connections', { role: 'admin', answer: (query) => this.#connections(query) }],
    ]);
  }

  /** Resolves to the address it listens on. Throws StartupError. */
  async listen(): Promise<AddressInfo> {
    const { host, port } = this.#options;
    this.#server.listen({ host, port });
    try {
      await once(this.#server, 'listening');
    } catch (cause) {
      throw listenError(cause, host, port, 'admin');
    }
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('an HTTP server without an address');
    return address;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, type, body } = await this.#answer(request);
    response.writeHead(status, {
      'content-type': type,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    response.end(request.method === 'HEAD' ? undefined : body);
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const target = request.url ?? '/';
    if (!URL.canParse(target, origin)) return text(400, 'this is no path\n');
    const { pathname, searchParams } = new URL(target, origin);
    const route = this.#routes.get(pathname);
    // Health is open to all: probes come by any name.
    if (route?.role !== null && !this.#isOurs(request.headers.host))
      return text(403, 'this Host is not served here\n');
    if (route === undefined) return text(404, 'there is no such page\n');
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return text(405, 'only GET is answered here\n');
    try {
      const address = plainAddress(request.socket.remoteAddress ?? '');
      if (route.role !== null) {
        assertPermitted(roleOfAddress(address, this.#options.roles), route.role, pathname);
      }
      return await route.answer(searchParams);
    } catch (error) {
      if (error instanceof NotPermittedError) return json(403, { error: error.message });
      if (error instanceof InvalidMessageError) return json(400, { error: error.message });
      if (error instanceof StoreUnavailableError)
        return json(503, { error: 'the store of connections does not answer' });
      this.#options.log.error({ err: error, path: pathname }, 'answering over HTTP failed');
      return json(500, { error: 'internal error; the log of the server has the details' });
    }
  }

  /** Addresses cannot be rebound; of names only this machine's own are known to be ours. */
  #isOurs(host: string | undefined): boolean {
    const name = (host ?? '')
      .replace(/:\d+$/, '')
      .replace(/^\[(.*)\]$/, '$1')
      .toLowerCase();
    return isIP(name) !== 0 || name === 'localhost' || name === this.#options.host.toLowerCase();
  }

  #ready(): Answer {
    const { serving, wanted, stopping } = this.#options.workers();
    if (stopping) return text(503, 'the server is stopping\n');
    return text(serving > 0 ? 200 : 503, `${serving} of ${wanted} workers serve\n`);
  }

  async #metrics(): Promise<Answer> {
    const { workers } = await this.#options.view.workers();
    const own = workers.filter(({ record }) => record.host === this.#options.hostId);
    return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: prometheusText(own) };
  }

  async #status() {
    const { serving, wanted } = this.#options.workers();
    const { workers, unread, scope } = await this.#options.view.workers();
    return {
      host: this.#options.hostId,
      workers_serving: serving,
      workers_wanted: wanted,
      workers: workers.map(({ record, ageMs }) => ({ ...record, age_ms: Math.round(ageMs) })),
      unread,
      scope,
    };
  }

  async #connections(query: URLSearchParams): Promise<Answer> {
    const parsed = querySchema.safeParse(Object.fromEntries(query));
    if (!parsed.success) throw new InvalidMessageError(z.prettifyError(parsed.error));
    const { limit, cursor, ...filter } = parsed.data;
    return json(200, await this.#options.view.list({ filter, limit, cursor }));
  }
}

function text(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body };
}

function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(value)}\n` };
}
