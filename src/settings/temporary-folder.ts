// The folder that a download is written to, and a model that is deleted is moved to: hidden, private, and inside the model
// folder, so that a file only has to be renamed. Its name tells whose it is, so that the next start can remove what a killed
// server left.
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isRunning, processPlace } from '../running-process.js';

/** Nobody writes to a download of another machine or container for that long who still writes to it. */
const foreignAgeMinMs = 2 * 3_600_000;

const prefix = `.download-${processPlace}-${process.pid}-`;
const form = /^\.download-([0-9a-f]{8})-(\d{1,10})-[A-Za-z0-9]{6}$/;

/** Paths of those that this process works in. */
const own = new Set<string>();

/** A new folder of mode 0700 in `folder`. */
export async function makeTemporaryFolder(folder: string): Promise<string> {
  const path = join(folder, `${prefix}${randomBytes(3).toString('hex')}`);
  // First: who clears away what was left must not find it before it is known as ours.
  own.add(path);
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    own.delete(path);
    throw error;
  }
  return path;
}

export async function removeTemporaryFolder(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } finally {
    own.delete(path);
  }
}

/** Removes from a model folder what servers that were killed have left there, and says what that was. */
export async function removeLeftFolders(folder: string): Promise<readonly string[]> {
  const removed: string[] = [];
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((one) => form.test(one))) {
    const path = join(folder, name);
    try {
      if (own.has(path) || !(await isLeft(name, path))) continue;
      await rm(path, { recursive: true, force: true });
      removed.push(path);
    } catch {
      // Another server was faster, or it is not ours to remove.
    }
  }
  return removed;
}

async function isLeft(name: string, path: string): Promise<boolean> {
  const stats = await lstat(path);
  if (!stats.isDirectory() || stats.uid !== process.getuid?.()) return false;
  const [, place, pid] = form.exec(name) ?? [];
  if (place === processPlace && (Number(pid) === process.pid || !isRunning(Number(pid)))) return true;
  const files = await Promise.all((await readdir(path)).map((file) => lstat(join(path, file))));
  const lastMs = Math.max(stats.mtimeMs, ...files.map(({ mtimeMs }) => mtimeMs));
  return Date.now() - lastMs > foreignAgeMinMs;
}
