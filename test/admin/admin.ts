// A real AdminServer over a view in memory, with a host of two workers in it, and HTTP or HTTPS to ask it by.
import { request, type IncomingMessage } from 'node:http';
import { request as requestTls } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import { pino } from 'pino';
import { z } from 'zod';
import { AdminServer } from '#src/admin/admin-server.js';
import { EmbeddedView } from '#src/connections/embedded-view.js';
import type { KickAnswer } from '#src/connections/kick.js';
import type { PeerRecord, ViewEvent } from '#src/connections/record.js';
import type { RoleOptions } from '#src/server/gate.js';
import type { CertificateWatch } from '#src/server/tls/certificate-watch.js';
import { workerRecord } from '../connections/records.js';
import { authenticatorOf } from '../support/tokens.js';

export const workers = ['line-1:1:aaaa', 'line-1:2:bbbb'] as const;

export interface Admin {
  readonly port: number;
  readonly routes: AdminServer['routes'];
  readonly view: EmbeddedView;
  /** What was asked of the kicker. */
  readonly kicks: { readonly ids: readonly string[]; readonly by: string }[];
  /** Every line logged so far. */
  readonly logged: string[];
  readonly close: () => void;
}

export interface AdminChanges {
  readonly roles?: RoleOptions;
  /** HTTPS with these. */
  readonly certificates?: CertificateWatch;
  /** How late a wrong token is answered. */
  readonly delayMs?: number;
  readonly view?: EmbeddedView;
  readonly outcomes?: (ids: readonly string[]) => readonly KickAnswer[];
}

export async function startAdmin(
  ending: { after(end: () => void): void } | null,
  {
    roles = { defaultRole: 'operator', loopbackRole: 'admin' },
    certificates,
    delayMs = 1,
    view = newView(),
    outcomes = allKicked,
  }: AdminChanges = {},
): Promise<Admin> {
  const kicks: Admin['kicks'] = [];
  const logged: string[] = [];
  const log = pino({ level: 'info' }, { write: (line) => void logged.push(line) });
  const server = new AdminServer({
    host: '127.0.0.1',
    port: 0,
    hostId: 'line-1',
    roles,
    certificates: certificates ?? null,
    authenticator: authenticatorOf({ known: roles.tokens ?? [], delayMs, log }),
    view,
    downloads: { progress: () => [] },
    kicker: {
      kick: (ids, by) => {
        kicks.push({ ids, by });
        return Promise.resolve(outcomes(ids));
      },
    },
    workers: () => ({ serving: 2, wanted: 2, stopping: false }),
    log,
  });
  const { port } = await server.listen();
  const close = () => {
    server.close();
  };
  ending?.after(close);
  return { port, routes: server.routes, view, kicks, logged, close };
}

/** With the workers, and nobody connected. */
export function newView(): EmbeddedView {
  const view = new EmbeddedView({ leaseMs: 3_600_000 });
  for (const worker of workers) view.handle(worker, { type: 'open', worker: workerRecord(worker) });
  return view;
}

export function connect(view: EmbeddedView, ...peers: readonly PeerRecord[]): void {
  for (const peer of peers) {
    view.handle(peer.worker, { type: 'flush', changes: { changed: [peer], closed: [], events: [] } });
  }
}

export function tell(view: EmbeddedView, ...events: readonly Partial<ViewEvent>[]): void {
  const told = events.map(
    (event) => ({ type: 'opened', at: 1, host: 'line-1', ...event }) satisfies ViewEvent,
  );
  view.handle(workers[0], { type: 'flush', changes: { changed: [], closed: [], events: told } });
}

function allKicked(ids: readonly string[]): readonly KickAnswer[] {
  return ids.map((id) => ({ id, outcome: 'kicked' }));
}

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Over TLS, with these. */
  readonly tls?: SecureContextOptions;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  readonly json: unknown;
}

export function ask(
  port: number,
  path: string,
  { method = 'GET', headers = {}, body, tls }: Sent = {},
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method, headers, agent: false } as const;
    const answered = (response: IncomingMessage) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => (text += piece));
      response.once('end', () => {
        const isJson = response.headers['content-type'] === 'application/json' && text !== '';
        const json: unknown = isJson ? JSON.parse(text) : null;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
      });
    };
    const sent =
      tls === undefined
        ? request(options, answered)
        : requestTls({ ...options, ...tls, servername: 'localhost' }, answered);
    sent.once('error', reject);
    sent.end(body);
  });
}

/** What a refusal says. */
export function errorOf({ json }: Answered): string {
  return z.object({ error: z.string() }).parse(json).error;
}
