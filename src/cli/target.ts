// Which server a tool talks to: the one of the configuration, unless the command line names another.
import { PearClient } from '../client/pear-client.js';
import { StartupError } from '../errors.js';

export interface Target {
  readonly host: string;
  readonly port: number;
}

const everyAddress: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** `connect`: `HOST:PORT` or `PORT` as given on the command line, with `--option`. Throws StartupError. */
export function targetOf(
  configured: Target,
  connect: string | undefined,
  option: 'connect' | 'admin' = 'connect',
): Target {
  const { host, port } = configured;
  if (connect === undefined) return { host: everyAddress.has(host) ? '127.0.0.1' : host, port };
  const match = /^(?:\[?([^\]]+?)\]?:)?(\d{1,5})$/.exec(connect);
  if (match === null)
    throw new StartupError(
      `--${option} ${connect} names no server`,
      `write HOST:PORT, such as 127.0.0.1:${configured.port}`,
    );
  return { host: match[1] ?? '127.0.0.1', port: Number(match[2]) };
}

/** Throws StartupError where nobody listens there. */
export async function connectTo(target: Target): Promise<PearClient> {
  try {
    return await PearClient.connect(target);
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new StartupError(
      `no server answers at ${target.host} port ${target.port} (${reason})`,
      'start it with npm start, or name another one with --connect HOST:PORT',
      { cause },
    );
  }
}

/** Connects to the server that the command line or the configuration names, for the length of `use`. */
export async function withClient<T>(
  { config, options }: { readonly config: { readonly server: Target }; readonly options: ConnectOptions },
  use: (client: PearClient) => Promise<T>,
): Promise<T> {
  const client = await connectTo(targetOf(config.server, options.connect));
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

interface ConnectOptions {
  readonly connect?: string | undefined;
}
