// Where files may lie. Every path here is absolute with its links resolved: only of such can it be told.
import { realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, parse, sep } from 'node:path';

/** Whether `path` is `folder` or lies in it. */
export function isInside(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Folders of which each one below is somebody's home; on many systems the first is a link to elsewhere. */
const homes = ['/home', '/Users'];

/**
 * Below which folders clients may choose others where nobody says it: beside those that are configured. Whatever else
 * lies in a home or in the root is none of their business.
 */
export function rootsBeside(folders: readonly string[]): string[] {
  return folders.map((folder) => {
    const parent = dirname(folder);
    return isRoot(parent) || isHome(parent) || isHome(folder) ? folder : parent;
  });
}

function isRoot(path: string): boolean {
  return path === parse(path).root;
}

function isHome(path: string): boolean {
  const isOne = path === resolved('/root') || path === resolved(homedir());
  return isOne || homes.some((folder) => dirname(path) === resolved(folder));
}

/** Where it leads; what is not there leads nowhere else. */
function resolved(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
