// Puts a file that was downloaded, checked and synced into the model folder.
import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder } from '../sync-folder.js';

/**
 * Renames `temporaryPath`, which is in a temporary folder inside the model folder, to `name` in that folder, in place of
 * what was there, and syncs the folder, so that a loss of power takes nothing back.
 */
export async function placeFile(temporaryPath: string, name: string): Promise<void> {
  const target = dirname(dirname(temporaryPath));
  await rename(temporaryPath, join(target, name));
  await syncFolder(target);
}
