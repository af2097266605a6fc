// Where files may lie. Every path here is absolute with its links resolved: only of such can it be told.
import { realpath } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, parse, sep } from 'node:path';
import { inTime } from '../in-time.js';

/** Whether `path` is `folder` or lies in it. */
export function isInside(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Of these each folder below is somebody's home; on many systems the first is a link to elsewhere. */
const parentsOfHomes = ['/home', '/Users'];

/** A home on a disk that hangs holds up no start. */
const resolveTimeoutMs = 2_000;

/**
 * Below which folders clients may choose others where nobody says it: beside those that are configured. Whatever else
 * lies in a home or in the root is none of their business.
 */
export async function rootsBeside(folders: readonly string[]): Promise<string[]> {
  const parents = new Set(await Promise.all(parentsOfHomes.map(resolved)));
  const homes = new Set(await Promise.all(['/root', ...ownHome()].map(resolved)));
  const isHome = (path: string) => homes.has(path) || parents.has(dirname(path));
  return folders.map((folder) => {
    const parent = dirname(folder);
    return isRoot(parent) || isHome(parent) || isHome(folder) ? folder : parent;
  });
}

function isRoot(path: string): boolean {
  return path === parse(path).root;
}

/** None where the user who runs the server has none, as in many containers. */
function ownHome(): string[] {
  try {
    return [homedir()].filter((path) => isAbsolute(path));
  } catch {
    return [];
  }
}

/** Where it leads; what is not there leads nowhere else. */
async function resolved(path: string): Promise<string> {
  const late = () => new Error(`${path} hangs`);
  return inTime(realpath(path), resolveTimeoutMs, late).catch(() => path);
}
