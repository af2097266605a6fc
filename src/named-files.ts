// Reads the files that the configuration or the command line names for certificates, keys, tokens and passwords. What is wrong
// with one is told with its key, its path and the cure. A pipe or a device in its place holds nobody up.
import { X509Certificate } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  realpathSync,
  statSync,
  type Stats,
} from 'node:fs';
import { open, realpath, stat as statLater } from 'node:fs/promises';
import { dirname } from 'node:path';
import { shortReason, StartupError } from './errors.js';

export type PemContent = 'CERTIFICATE' | 'PRIVATE KEY';

/** A file that was read. */
export interface FileText {
  readonly text: string;
  readonly rights: FileRights;
}

/** What other users of the machine may do with a file. */
export interface FileRights {
  readonly allRead: boolean;
  readonly groupWrites: boolean;
  readonly allWrite: boolean;
  /** Folders in which all may put another file, or another link, into its place. */
  readonly allReplaceIn: readonly string[];
}

/** Without O_NONBLOCK opening a named pipe would wait for somebody to write into it. */
const openFlags = constants.O_RDONLY | constants.O_NONBLOCK;

/** S_ISVTX, which node:fs does not name. */
const stickyBit = 0o1000;

/** Ten times the authorities that browsers trust. */
const maxBytes = 4 * 1024 * 1024;

/** The text of a file; `key`: what has named it, such as `server.tls.cert_path`. Throws StartupError. */
export function readText(path: string, key: string): string {
  return readFileText(path, key).text;
}

/** The same, with who may read it. Throws StartupError. */
export function readFileText(path: string, key: string): FileText {
  try {
    const file = openSync(path, openFlags);
    try {
      const stat = fstatSync(file);
      assertFile(stat, path, key);
      return { text: readFileSync(file, 'utf8'), rights: rightsOf(stat, foldersOf(path)) };
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw unreadable(error, path, key);
  }
}

/** The same while others are served: a share that hangs keeps only the caller waiting. Rejects with StartupError. */
export async function readFileTextLater(path: string, key: string): Promise<FileText> {
  try {
    const file = await open(path, openFlags);
    try {
      const stat = await file.stat();
      assertFile(stat, path, key);
      return { text: await file.readFile('utf8'), rights: rightsOf(stat, await foldersOfLater(path)) };
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unreadable(error, path, key);
  }
}

/** The text of a file that must hold such a thing in PEM format. Throws StartupError. */
export function readPem(path: string, key: string, content: PemContent): string {
  const text = readText(path, key);
  assertPem(text, path, key, content);
  return text;
}

/** Also where one of several certificates is damaged: node:tls would leave that out without a word. Throws StartupError. */
export function assertPem(text: string, path: string, key: string, content: PemContent): void {
  const blocks = text.match(
    new RegExp(`^-----BEGIN [A-Z ]*${content}-----[^]*?(?:-----END [^\\n]*|$(?![^]))`, 'gm'),
  );
  if (blocks === null) {
    throw new StartupError(
      `${key}: ${path} has no ${content.toLowerCase()} in PEM format`,
      `name a file that has the line -----BEGIN ${content}-----`,
    );
  }
  if (content === 'CERTIFICATE') for (const block of blocks) parseCertificate(block, path, key);
}

/** A certificate in PEM format. Throws StartupError where it is damaged. */
export function parseCertificate(pem: string, path: string, key: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new StartupError(`${key}: a certificate in ${path} is damaged`, 'make or copy the file anew');
  }
}

/** What to throw where node:tls does not take the files that the keys below `section` name. */
export function unusablePair(section: string, cause: unknown): StartupError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StartupError(
    `${section}: the files cannot be used (${reason})`,
    'key_path must be the private key of the certificate in cert_path, without a passphrase, and all files PEM',
  );
}

function assertFile(stat: Stats, path: string, key: string): void {
  if (!stat.isFile()) {
    throw new StartupError(
      `${key}: ${path} is no regular file`,
      'name a file, or a link to one; folders, pipes and devices are not read',
    );
  }
  if (stat.size > maxBytes) {
    throw new StartupError(
      `${key}: ${path} has ${stat.size} bytes, and ${maxBytes} are allowed`,
      'name a file that holds nothing else',
    );
  }
}

interface Folder {
  readonly path: string;
  readonly stat: Stats;
}

/**
 * What a path leads through last: the folder that it names and, where it is a link, that of the file itself. An open file may be in none
 * any more; then there is nothing to warn of.
 */
function foldersOf(path: string): Folder[] {
  try {
    const paths = new Set([dirname(path), dirname(realpathSync(path))]);
    return [...paths].map((folder) => ({ path: folder, stat: statSync(folder) }));
  } catch {
    return [];
  }
}

async function foldersOfLater(path: string): Promise<Folder[]> {
  const folders: Folder[] = [];
  try {
    for (const folder of new Set([dirname(path), dirname(await realpath(path))]))
      folders.push({ path: folder, stat: await statLater(folder) });
  } catch {
    return [];
  }
  return folders;
}

function rightsOf({ mode }: Stats, folders: readonly Folder[]): FileRights {
  return {
    allRead: (mode & constants.S_IROTH) !== 0,
    groupWrites: (mode & constants.S_IWGRP) !== 0,
    allWrite: (mode & constants.S_IWOTH) !== 0,
    // In a folder such as /tmp (sticky) nobody can move a file of somebody else.
    allReplaceIn: folders
      .filter(({ stat }) => (stat.mode & constants.S_IWOTH) !== 0 && (stat.mode & stickyBit) === 0)
      .map(({ path }) => path),
  };
}

/**
 * For the log: what others may do with the file that `key` names, and should not. A secret is nobody's to read; and what
 * decides whom we trust is nobody's to write, secret or not.
 */
export function rightsWarnings(
  key: string,
  path: string,
  { allRead, groupWrites, allWrite, allReplaceIn }: FileRights,
  kind: 'secret' | 'public',
): string[] {
  const isSecret = kind === 'secret';
  const warnings: string[] = [];
  if (isSecret && allRead) {
    warnings.push(
      `${key}: everybody on this machine can read ${path}; take that right away: chmod o-rwx ${path}`,
    );
  }
  if (allWrite || (isSecret && groupWrites)) {
    const who = allWrite ? 'everybody on this machine' : 'everybody in its group';
    warnings.push(`${key}: ${who} can write ${path}; take that right away: chmod go-w ${path}`);
  }
  for (const folder of allReplaceIn) {
    warnings.push(
      `${key}: everybody on this machine can replace ${path}; take the right to write its folder away: chmod o-w ${folder}`,
    );
  }
  return warnings;
}

/** The same of a file that is read elsewhere; where it cannot be, that is told there. */
export function rightsWarningsOf(key: string, path: string, kind: 'secret' | 'public'): string[] {
  try {
    return rightsWarnings(key, path, rightsOf(statSync(path), foldersOf(path)), kind);
  } catch {
    return [];
  }
}

function unreadable(error: unknown, path: string, key: string): StartupError {
  if (error instanceof StartupError) return error;
  return new StartupError(
    `${key}: ${path} cannot be read (${shortReason(error)})`,
    'correct the path, or let the user that the server runs as read the file',
  );
}
