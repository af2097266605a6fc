// The token that a tool shows the server: from a file, or from the environment, which other users cannot read.
import { isOpen, readToken } from '../config/token-files.js';
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
  const token = readToken(path, '--token-file');
  if (isOpen(path)) process.stderr.write(`everybody on this machine can read ${path}; chmod o-r ${path}\n`);
  return token;
}
