// Health, metrics and the view of connections over HTTP, for probes, Prometheus and scripts. This file takes requests to
// their routes (routes/) through the gate (gate.ts); what they answer is in answer.ts.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import type { Kicker } from '../connections/kick.js';
import type { ConnectionsReader } from '../connections/store.js';
import type { ModelDownloader } from '../downloads/model-downloader.js';
import type { Logger } from '../log.js';
import type { Authenticator } from '../server/authenticator.js';
import { plainAddress, type RoleOptions } from '../server/gate.js';
import { listenError } from '../server/listen-error.js';
import { CountedLog } from '../server/counted-log.js';
import type { CertificateWatch } from '../server/tls/certificate-watch.js';
import { shownText } from '../shown-text.js';
import { HttpError, refusalOf, refuse, send, type Answer, type StreamAnswer } from './answer.js';
import { EventStreams } from './events/event-streams.js';
import { assertDeliberate, assertOneHost, assertOwn, assertRole, identifyCaller } from './gate.js';
import { createHttpServer } from './http-server.js';
import { Places } from './places.js';
import type { Route, RouteRequest } from './route.js';
import { closedRoute } from './routes/closed.js';
import { connectionRoutes } from './routes/connections.js';
import { downloadsRoute } from './routes/downloads.js';
import { eventsRoute } from './routes/events.js';
import { healthRoutes } from './routes/health.js';
import { kickRoute } from './routes/kick.js';
import { statusRoute, type WorkersState } from './routes/status.js';

export interface AdminOptions {
  readonly host: string;
  readonly port: number;
  readonly hostId: string;
  readonly roles: RoleOptions;
  readonly authenticator: Authenticator;
  readonly view: ConnectionsReader;
  readonly kicker: Kicker;
  readonly downloads: Pick<ModelDownloader, 'progress'>;
  /** Left out or null: HTTP without TLS. */
  readonly certificates?: CertificateWatch | null;
  readonly workers: () => WorkersState;
  /** Whom an address stands for where connections and wrong tokens are counted. */
  readonly networkOf: (address: string) => string;
  readonly log: Logger;
}

/** Only there to read the path of a request with. */
const base = 'http://localhost';

export class AdminServer {
  readonly #options: AdminOptions;
  readonly #server: Server;
  readonly #streams: EventStreams;
  readonly #routes: readonly Route[];
  readonly #refusals: CountedLog;
  readonly #places: Places;

  constructor(options: AdminOptions) {
    const { view, kicker, downloads, hostId, workers, log } = options;
    this.#options = options;
    this.#refusals = new CountedLog(log, 'a request over HTTP was not permitted', 'times');
    this.#streams = new EventStreams(view, log);
    this.#routes = [
      ...healthRoutes(view, hostId, workers),
      statusRoute(view, hostId, workers),
      kickRoute(kicker, log),
      ...connectionRoutes(view),
      closedRoute(view),
      eventsRoute(view, this.#streams),
      downloadsRoute(downloads),
    ];
    const { certificates = null, networkOf } = options;
    this.#places = new Places(networkOf);
    this.#server = createHttpServer({ certificates, places: this.#places, log }, (request, response) => {
      void this.#handle(request, response);
    });
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

  /** Every route that there is, and the role that it needs. */
  get routes(): readonly Pick<Route, 'path' | 'method' | 'role'>[] {
    return this.#routes;
  }

  close(): void {
    this.#options.authenticator.close();
    this.#streams.close();
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    // Its place is for the next probe.
    if (this.#places.isForHealth(message.socket)) response.shouldKeepAlive = false;
    const answer = await this.#answer(message);
    if (!response.destroyed) send(response, answer, message.method === 'HEAD');
  }

  async #answer(message: IncomingMessage): Promise<Answer | StreamAnswer> {
    const target = message.url ?? '/';
    const path = URL.canParse(target, base) ? new URL(target, base).pathname : target;
    try {
      return await this.#routed(message, target);
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal?.status === 401 || refusal?.status === 403) this.#logRefusal(message, error);
      if (refusal !== null) return refusal;
      this.#options.log.error({ err: error, path: shownText(path) }, 'answering over HTTP failed');
      return refuse(500, 'internal error; the log of the server has the details');
    }
  }

  async #routed(message: IncomingMessage, target: string): Promise<Answer | StreamAnswer> {
    assertOneHost(message);
    if (!URL.canParse(target, base))
      throw new HttpError(400, `${shownText(target)} is no path; it begins with one /`);
    const { pathname: path, searchParams: query } = new URL(target, base);
    const routes = this.#routesOf(path);
    // Health is open to all: probes come by any name.
    if (routes[0]?.role !== null) assertOwn(message, this.#options);
    if (routes.length === 0) {
      const known = this.#routes.map((route) => route.path).filter((each) => !each.endsWith('/'));
      throw new HttpError(404, `there is no ${shownText(path)} here; known are ${known.join(', ')}`);
    }
    const method = message.method === 'HEAD' ? 'GET' : message.method;
    const route = routes.find((each) => each.method === method);
    if (route === undefined) throw wrongMethod(path, routes);
    const address = addressOf(message);
    let by = address;
    if (route.role !== null) {
      this.#assertRoom(message);
      const caller = await this.#places.whileHeldUp(
        message.socket,
        identifyCaller(message, address, this.#options),
      );
      assertRole(caller, route.role, route.path, this.#options);
      by = caller.name ?? address;
    }
    if (route.method !== 'GET') assertDeliberate(message);
    return route.answer({ query, by, message, rest: restOf(path, route) } satisfies RouteRequest);
  }

  #assertRoom({ socket }: IncomingMessage): void {
    if (!this.#places.isForHealth(socket)) return;
    const error = 'there are too many connections; health is answered, for all else try again later';
    throw new HttpError(503, error, { 'retry-after': '5' });
  }

  #logRefusal(message: IncomingMessage, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#refusals.warn({ address: addressOf(message), reason });
  }

  /** Those of the path itself; else those of the folder that it lies in. */
  #routesOf(path: string): readonly Route[] {
    const exact = this.#routes.filter((route) => route.path === path && !path.endsWith('/'));
    if (exact.length > 0) return exact;
    return this.#routes.filter(
      (route) => route.path.endsWith('/') && path.startsWith(route.path) && path !== route.path,
    );
  }
}

function addressOf({ socket }: IncomingMessage): string {
  return plainAddress(socket.remoteAddress ?? '');
}

function wrongMethod(path: string, routes: readonly Route[]): HttpError {
  const methods = routes.map(({ method }) => (method === 'GET' ? 'GET, HEAD' : method)).join(', ');
  return new HttpError(405, `${shownText(path)} answers ${methods} only`, { allow: methods });
}

function restOf(path: string, route: Route): string {
  if (!route.path.endsWith('/')) return '';
  try {
    return decodeURIComponent(path.slice(route.path.length));
  } catch {
    throw new HttpError(
      400,
      `${shownText(path)} is not percent-encoded rightly; write a slash in an id as %2F`,
    );
  }
}
