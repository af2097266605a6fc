// Which server a tool talks to: the one of the configuration, unless the command line names another.
import { PearClient } from '../client/pear-client.js';
import type { Config } from '../config/schema.js';
import type { ClientTls } from '../client/open-socket.js';
import { ConnectionLostError, shortReason, StartupError, WireError } from '../errors.js';
import { readClientTls, tlsCure, type ConfiguredTls, type TlsOptions } from './tls-options.js';
import { shownToken, warnOfClearToken, type TokenOptions } from './token.js';

export interface Target {
  readonly host: string;
  readonly port: number;
  /** Left out: no TLS. */
  readonly tls?: ClientTls | undefined;
}

/** A server that takes longer to accept a connection, or to answer a question about itself, hangs. */
const patienceMs = 10_000;

const portMax = 65_535;
const everyAddress: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** `connect`: `HOST:PORT` or `PORT` as given on the command line, with `--option`. Throws StartupError. */
export function targetOf(
  configured: Pick<Target, 'host' | 'port'>,
  connect: string | undefined,
  option: 'connect' | 'admin' = 'connect',
): Target {
  const { host, port } = configured;
  if (connect === undefined) return { host: everyAddress.has(host) ? '127.0.0.1' : host, port };
  const match = /^(?:\[?([^\]]+?)\]?:)?(\d{1,5})$/.exec(connect);
  const named = Number(match?.[2]);
  if (match === null || named < 1 || named > portMax)
    throw new StartupError(
      `--${option} ${connect} names no server`,
      `write HOST:PORT, such as 127.0.0.1:${configured.port}`,
    );
  return { host: match[1] ?? '127.0.0.1', port: named };
}

/** The server of the command line or the configuration, and how it is spoken to. Throws StartupError. */
export function serverOf(configured: ConfiguredServer, options: ConnectOptions): Target {
  return {
    ...targetOf(configured, options.connect),
    tls: readClientTls(options, options.connect === undefined ? configured.tls : null, 'server.tls'),
  };
}

/** As whom a tool comes, how long it waits, and what ends its waiting. */
export interface Coming {
  /** What it shows the server. */
  readonly token?: string | undefined;
  readonly answerTimeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Images may be long in coming, and then in being judged, each as long as the server lets them. */
export function judgingTimeoutMs({
  message_timeout_ms,
  request_timeout_ms,
}: Pick<Config['limits'], 'message_timeout_ms' | 'request_timeout_ms'>): number {
  return message_timeout_ms + request_timeout_ms + patienceMs;
}

/** Throws StartupError where nobody listens there, or whoever does hangs; WireError where the token is refused. */
export async function connectTo(
  target: Target,
  { token, answerTimeoutMs = patienceMs, signal }: Coming = {},
): Promise<PearClient> {
  warnOfClearToken({ ...target, token }, 'give --tls or --ca FILE where the server speaks TLS');
  try {
    return await PearClient.connect({
      ...target,
      connectTimeoutMs: patienceMs,
      answerTimeoutMs,
      token,
      signal,
    });
  } catch (cause) {
    if (cause instanceof WireError) throw cause;
    if (cause instanceof ConnectionLostError) {
      throw new StartupError(
        `the server at ${target.host} port ${target.port} does not answer within ${patienceMs / 1000} s`,
        'look whether it hangs, or name another one with --connect HOST:PORT',
        { cause },
      );
    }
    const reason = shortReason(cause);
    const cure = target.tls === undefined ? null : tlsCure(reason);
    if (cure !== null) {
      throw new StartupError(
        `no TLS with the server at ${target.host} port ${target.port} (${reason})`,
        cure,
        { cause },
      );
    }
    throw new StartupError(
      `no server answers at ${target.host} port ${target.port} (${reason})`,
      'start it with npm start, or name another one with --connect HOST:PORT',
      { cause },
    );
  }
}

/** Connects to the server that the command line or the configuration names, for the length of `use`. */
export async function withClient<T>(
  {
    config,
    options,
  }: { readonly config: { readonly server: ConfiguredServer }; readonly options: ConnectOptions },
  use: (client: PearClient) => Promise<T>,
  coming: Omit<Coming, 'token'> = {},
): Promise<T> {
  const token = shownToken(options);
  const client = await connectTo(serverOf(config.server, options), { ...coming, token });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

interface ConnectOptions extends TokenOptions, TlsOptions {
  readonly connect?: string | undefined;
}

interface ConfiguredServer extends Pick<Target, 'host' | 'port'> {
  readonly tls?: ConfiguredTls;
}
