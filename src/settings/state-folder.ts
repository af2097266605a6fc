// The folder in which a server keeps what must outlive it. It belongs to one server at a time, which takes it with its first
// write; whatever is written is whole or not there, also after a loss of power.
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../errors.js';
import { isRunning } from '../running-process.js';

const lockName = 'lock';
const temporaryName = /\.[0-9a-f]{12}$/;

export class StateFolder {
  readonly path: string;
  #isLocked = false;

  constructor(path: string) {
    this.path = path;
  }

  /** null: there is no such file. Rejects where it cannot be read. */
  async read(name: string): Promise<string | null> {
    return textOf(join(this.path, name));
  }

  /** Makes the folder ours, for good. Rejects where another server has it, or it cannot be written. */
  async lock(): Promise<void> {
    if (this.#isLocked) return;
    await mkdir(this.path, { recursive: true, mode: 0o700 });
    const path = join(this.path, lockName);
    const own = await describeProcess(process.pid);
    for (;;) {
      if (await createFile(path, own)) break;
      const owner = await textOf(path);
      if (owner === own) break;
      if (owner !== null && (await isAlive(owner)))
        throw new Error(`another server has the folder ${this.path} (process ${pidOf(owner)})`);
      await putAway(path, owner);
    }
    this.#isLocked = true;
    await this.#sweep();
  }

  /** Replaces the file as a whole. Rejects where the old one is still there. */
  async write(name: string, text: string): Promise<void> {
    await this.lock();
    const path = join(this.path, name);
    const temporary = `${path}.${randomBytes(6).toString('hex')}`;
    try {
      await writeWhole(temporary, text);
      await rename(temporary, path);
    } catch (error) {
      await unlink(temporary).catch(() => undefined);
      throw error;
    }
    await syncFolder(this.path);
  }

  /** Removes what a server that was killed in the middle of a write has left. */
  async #sweep(): Promise<void> {
    for (const name of await readdir(this.path)) {
      if (temporaryName.test(name)) await unlink(join(this.path, name)).catch(() => undefined);
    }
  }

  /** Gives the folder back. */
  async close(): Promise<void> {
    if (!this.#isLocked) return;
    this.#isLocked = false;
    await unlink(join(this.path, lockName)).catch(() => undefined);
  }
}

/** False where it is there already. */
async function createFile(path: string, text: string): Promise<boolean> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeWhole(temporary, text);
    // A link appears with all that is in it, so nobody ever reads half of a lock.
    await link(temporary, path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(temporary).catch(() => undefined);
  }
}

/** Rejects where it is not all on the disk. */
async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Takes the lock of one that has ended out of the way, unless somebody else has just done so. */
async function putAway(path: string, stale: string | null): Promise<void> {
  if (stale === null) return;
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  if ((await textOf(aside)) === stale) await unlink(aside);
  else await rename(aside, path);
}

/** A process, told apart from others that have its number at another time. */
async function describeProcess(pid: number): Promise<string> {
  return `${pid} ${await startOf(pid)}\n`;
}

function pidOf(description: string): number {
  return Number(description.split(' ')[0]);
}

async function isAlive(description: string): Promise<boolean> {
  const pid = pidOf(description);
  if (!Number.isInteger(pid) || pid <= 0 || !isRunning(pid)) return false;
  return (await describeProcess(pid)) === description;
}

/**
 * When it was started, in ticks since the machine's start (fields 3 and 22 of proc(5)'s stat); 0 where the system does not
 * tell, or it has ended and waits to be noticed.
 */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name of the program stands in brackets and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? '0' : (fields[19] ?? '0');
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** So that the rename itself is on the disk; some file systems cannot. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => null);
  if (folder === null) return;
  await folder.sync().catch(() => undefined);
  await folder.close();
}
