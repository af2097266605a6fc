// Small files that are read and written as a whole.
import { open, readFile } from 'node:fs/promises';
import { codeOf } from '../errors.js';

/** A new file, for its user only. Rejects where it is there already, or not all on the disk. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** null: there is no such file. Rejects where it cannot be read. */
export async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
