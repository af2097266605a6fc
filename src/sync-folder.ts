// What was renamed in a folder survives a loss of power once the folder is synced.
import { open } from 'node:fs/promises';

/** As far as the file system can do it; some cannot, and what was renamed is there all the same. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => null);
  if (folder === null) return;
  await folder.sync().catch(() => undefined);
  await folder.close().catch(() => undefined);
}
