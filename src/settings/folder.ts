// A folder that somebody names, found on the disk.
import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { normalize } from 'node:path';
import { isInside } from './paths.js';
import type { Folder } from './settings.js';

/** Relative names are relative to the working directory. Rejects where there is no such folder, or none that the server may read. */
export async function findFolder(name: string): Promise<Folder> {
  const path = await realpath(name);
  if (!(await stat(path)).isDirectory()) throw new Error('it is no folder');
  await access(path, constants.R_OK | constants.X_OK);
  const plain = normalize(name);
  // Behind a link, `..` leads elsewhere than its letters say: such a name is not one that can be given back.
  const leadsThere = (await realpath(plain).catch(() => null)) === path;
  return { name: leadsThere ? plain : path, path };
}

/** The folder that a client names so; null where there is none below one of `roots`: the two look the same. */
export async function openFolder(name: string, roots: readonly string[]): Promise<Folder | null> {
  const folder = await findFolder(name).catch(() => null);
  return folder !== null && roots.some((root) => isInside(root, folder.path)) ? folder : null;
}
