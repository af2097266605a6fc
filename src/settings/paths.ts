// Where files may lie. Every path here is absolute with its links resolved: only of such can it be told.
import { homedir } from 'node:os';
import { dirname, parse, sep } from 'node:path';

/** Whether `path` is `folder` or lies in it. */
export function isInside(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Folders of which each one below is somebody's home. */
const homes = new Set(['/home', '/Users']);

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
  return path === '/root' || path === homedir() || homes.has(dirname(path));
}
