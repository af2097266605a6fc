// The files that the configuration names for tokens. They are read once, at the start, and what goes on from there are
// hashes: whoever reads the memory of a worker, or what is told it, finds no token.
import { createHash } from 'node:crypto';
import { StartupError } from '../errors.js';
import { readFileText, rightsWarnings } from '../named-files.js';
import type { SecurityConfig, TokenEntry } from './security-schema.js';

/** Fewer could be tried out. */
const tokenLengthMin = 16;
/** As many as a client may send. */
const tokenLengthMax = 1024;

export interface TokensRead {
  readonly security: SecurityConfig;
  /** For the log: files with which others may do what they should not. */
  readonly notes: readonly string[];
}

/** The same section with hashes in the place of files. Throws StartupError. */
export function readTokens(security: SecurityConfig): TokensRead {
  const notes: string[] = [];
  const tokens = security.tokens.map((entry, index): TokenEntry => {
    const { name, role, token_path: path } = entry;
    if (path === undefined) return entry;
    const key = `security.tokens[${index}].token_path`;
    const { token, warnings } = readToken(path, key);
    notes.push(...warnings);
    return { name, role, sha256: createHash('sha256').update(token, 'utf8').digest('hex') };
  });
  assertDistinct(tokens);
  return { security: { ...security, tokens }, notes };
}

/** The token in this file, and what others may do with it and should not; `key`: what named it. Throws StartupError. */
export function readToken(
  path: string,
  key: string,
): { readonly token: string; readonly warnings: readonly string[] } {
  const { text, rights } = readFileText(path, key);
  // Editors and `echo` end a file with a line break, which is no part of the token.
  const token = text.replace(/\r?\n$/, '');
  if (token === '') throw new StartupError(`${key}: ${path} is empty`, 'write the token into the file');
  if (token.length < tokenLengthMin || token.length > tokenLengthMax) {
    throw new StartupError(
      `${key}: the token in ${path} has ${token.length} characters; ${tokenLengthMin} to ${tokenLengthMax} are allowed`,
      'make one with pear token',
    );
  }
  // Others would reach us differently over HTTP than over TCP.
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new StartupError(
      `${key}: the token in ${path} holds a space, a line break or characters beyond ASCII`,
      'write nothing but the token into the file, in one line; pear token makes one',
    );
  }
  return { token, warnings: rightsWarnings(key, path, rights, 'secret') };
}

function assertDistinct(tokens: readonly TokenEntry[]): void {
  const names = new Map<string, string>();
  for (const { name, sha256 } of tokens) {
    const hash = sha256?.toLowerCase() ?? '';
    const other = names.get(hash);
    if (other !== undefined) {
      throw new StartupError(
        `security.tokens: ${other} and ${name} have the same token`,
        'give each a token of its own; pear token makes one',
      );
    }
    names.set(hash, name);
  }
}
