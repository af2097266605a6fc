// Asks the admin HTTP of a server: one answer, or an endless one.
import { get, IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { once } from 'node:events';
import { z } from 'zod';
import type { Config } from '../config/schema.js';
import { StartupError } from '../errors.js';
import { openSocket } from '../client/open-socket.js';
import { targetOf, type Target } from './target.js';
import { readClientTls, tlsCure, type TlsOptions } from './tls-options.js';
import { shownToken, type TokenOptions } from './token.js';

const errorSchema = z.object({ error: z.string() });

/** An answer that takes longer does not come; a wrong token is answered up to 30 s late. */
const answerTimeoutMs = 45_000;

/** An admin HTTP, and what is shown to it. */
export interface AdminTarget extends Target {
  readonly token: string | undefined;
}

/** The one of the configuration, unless the command line names another. Throws StartupError. */
export function adminTarget(
  { admin }: Pick<Config, 'admin'>,
  options: TokenOptions & TlsOptions & { readonly admin?: string | undefined },
): AdminTarget {
  const [, scheme, named = options.admin] = /^(https?):\/\/([^/]+)\/?$/.exec(options.admin ?? '') ?? [];
  if (named === undefined && !admin.enabled) {
    throw new StartupError(
      'the admin HTTP is switched off (admin.enabled)',
      'switch it on, or name the one of another server with --admin HOST:PORT',
    );
  }
  const tls = readClientTls(
    { ...options, tls: scheme === 'https' || options.tls },
    named === undefined ? admin.tls : null,
    'admin.tls',
  );
  // Nothing is shown in the clear to whom TLS is meant for.
  if (scheme === 'http' && tls !== undefined) {
    throw new StartupError(
      `--admin ${options.admin ?? ''} is without TLS`,
      'write https://HOST:PORT, or leave out --tls, --ca, --cert, --key and --servername',
    );
  }
  return { ...targetOf(admin, named, 'admin'), tls, token: shownToken(options) };
}

/** The JSON at this path. Throws StartupError. */
export async function askJson<Schema extends z.ZodType>(
  target: AdminTarget,
  path: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  const response = await ask(target, path, { accept: 'application/json' });
  const parsed = schema.safeParse(parse(await readAll(response)));
  if (parsed.success) return parsed.data;
  throw new StartupError(
    `what answers at ${target.host} port ${target.port} is no admin HTTP of this version`,
    'name the right one with --admin HOST:PORT',
    { cause: parsed.error },
  );
}

/** `unreachable`: nobody listens, which may pass; the server's own refusals have their status. */
export class AdminHttpError extends StartupError {
  readonly status: number | 'unreachable';

  constructor(status: number | 'unreachable', problem: string, cure: string, options?: ErrorOptions) {
    super(problem, cure, options);
    this.status = status;
  }
}

/** Resolves when the answer begins, and is no refusal. Throws AdminHttpError. */
export async function ask(
  target: AdminTarget,
  path: string,
  headers: OutgoingHttpHeaders,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  const response = await begin(target, path, headers, signal);
  if (response.statusCode === 200) return response;
  const refusal = errorSchema.safeParse(parse(await readAll(response)));
  throw new AdminHttpError(
    response.statusCode ?? 0,
    `the server refuses (HTTP ${response.statusCode ?? 0})`,
    refusal.data?.error ?? 'is this the admin HTTP? name it with --admin HOST:PORT',
  );
}

async function begin(
  target: AdminTarget,
  path: string,
  headers: OutgoingHttpHeaders,
  signal?: AbortSignal,
): Promise<IncomingMessage> {
  const { host, port, tls, token } = target;
  let timer: NodeJS.Timeout | undefined;
  try {
    const late = () => new Error('no answer');
    const socket =
      tls === undefined
        ? null
        : await openSocket({ host, port, tls, signal, timeoutMs: answerTimeoutMs }, late);
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const request = get({
      ...{ host, port, path, headers: { ...headers, ...authorization } },
      ...(signal === undefined ? {} : { signal }),
      ...(socket === null ? {} : { createConnection: () => socket }),
    });
    timer = setTimeout(() => {
      request.destroy(late());
    }, answerTimeoutMs);
    const [response] = z.tuple([z.instanceof(IncomingMessage)]).parse(await once(request, 'response'));
    return response;
  } catch (cause) {
    const reason =
      cause instanceof Error ? ('code' in cause ? String(cause.code) : cause.message) : String(cause);
    throw new AdminHttpError(
      'unreachable',
      `no admin HTTP answers at ${host} port ${port} (${reason})`,
      (tls === undefined ? null : tlsCure(reason)) ??
        'start the server with npm start, or name its admin HTTP with --admin HOST:PORT',
      { cause },
    );
  } finally {
    clearTimeout(timer);
  }
}

async function readAll(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) if (chunk instanceof Buffer) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
