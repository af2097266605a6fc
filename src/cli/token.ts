// The token that a tool shows the server: from a file, or from the environment, which other users cannot read.
import { isLoopbackHost } from '../config/loopback-host.js';
import { readToken } from '../config/token-files.js';
import { StartupError } from '../errors.js';

export interface TokenOptions {
  readonly 'token-file'?: string | undefined;
}

/** undefined: none. Throws StartupError. */
export function shownToken({ 'token-file': path }: TokenOptions, env = process.env): string | undefined {
  if (path === undefined) {
    const token = env['PEAR_TOKEN'];
    if (token === undefined || token === '') return undefined;
    if (/^[\x21-\x7e]+$/.test(token)) return token;
    throw new StartupError(
      'PEAR_TOKEN holds a space, a line break or characters beyond ASCII',
      'set it to the token alone, as in PEAR_TOKEN=$(cat FILE)',
    );
  }
  const { token, warnings } = readToken(path, '--token-file');
  for (const warning of warnings) process.stderr.write(`${warning}\n`);
  return token;
}

/** Where it has been said already: tools may connect again and again. */
let isWarned = false;

/** Says once that whoever is on the way to this server can read the token that is shown to it. */
export function warnOfClearToken(
  {
    host,
    tls,
    token,
  }: { readonly host: string; readonly tls?: object | undefined; readonly token: string | undefined },
  cure: string,
): void {
  if (isWarned || token === undefined || tls !== undefined || isLoopbackHost(host)) return;
  isWarned = true;
  process.stderr.write(`the token goes to ${host} without TLS: whoever is on the way can read it; ${cure}\n`);
}
