// Why a port could not be opened, in the words of somebody who has to mend it.
import { StartupError } from '../errors.js';

/** The error to throw for `cause`; `section` of the configuration holds the host and the port. */
export function listenError(
  cause: unknown,
  host: string,
  port: number,
  section: 'server' | 'admin',
): unknown {
  if (!(cause instanceof Error) || !('code' in cause)) return cause;
  const place = `port ${port} on ${host}`;
  const because = (problem: string, cure: string) => new StartupError(problem, cure, { cause });
  switch (cause.code) {
    case 'EADDRINUSE':
      return because(
        `${place} is already in use`,
        `stop what listens there, or set ${section}.port to a free one`,
      );
    case 'EACCES':
      return because(`${place} may not be opened by this user`, `set ${section}.port to 1024 or above`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return because(`${host} is no address of this machine`, `correct ${section}.host`);
    default:
      return because(
        `${place} cannot be opened (${String(cause.code)})`,
        `correct ${section}.host or ${section}.port`,
      );
  }
}
