// The lock of a folder that belongs to one server at a time. It names its owner: a process, and where that number means
// something. Where it means nothing, as in another container, an owner lives as long as it touches its lock.
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../errors.js';
import { isRunning, processPlace } from '../running-process.js';
import { textOf, writeWhole } from './whole-file.js';

const lockName = 'lock';
const touchIntervalMs = 10_000;

/** An owner elsewhere that has not touched its lock for that long has ended. */
const untouchedMaxMs = 60_000;

export class FolderLock {
  readonly #folder: string;
  readonly #path: string;
  readonly #touchIntervalMs: number;
  /** What our lock says; null: it is not ours. */
  #own: string | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isTouching = false;

  constructor(folder: string, options: { touchIntervalMs?: number } = {}) {
    this.#folder = folder;
    this.#path = join(folder, lockName);
    this.#touchIntervalMs = options.touchIntervalMs ?? touchIntervalMs;
  }

  /**
   * Resolves to whether it was not ours before. Rejects where another server has it; where one has taken it from us, once: then
   * it may be ours again.
   */
  async take(): Promise<boolean> {
    if (this.#own !== null) {
      await this.assertOurs();
      return false;
    }
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const own = await describeProcess(process.pid);
    for (;;) {
      const nowMs = await createLock(this.#path, own);
      if (nowMs === null) break;
      const owner = await textOf(this.#path);
      if (owner === own) break;
      if (owner !== null && (await isAlive(owner, this.#path, nowMs)))
        throw new Error(`another server has the folder ${this.#folder} (${nameOf(owner)})`);
      await putAway(this.#path, owner);
    }
    this.#forget();
    this.#own = own;
    this.#timer = setInterval(() => void this.#touch(own), this.#touchIntervalMs).unref();
    return true;
  }

  /** Rejects where it is not ours any more. */
  async assertOurs(): Promise<void> {
    const owner = await textOf(this.#path);
    if (owner !== null && owner === this.#own) return;
    this.#forget();
    const who =
      owner === null ? 'its file has been removed' : `another server has taken it: ${nameOf(owner)}`;
    throw new Error(`the lock of the folder ${this.#folder} is lost, ${who}`);
  }

  /** Gives it back, where it is still ours. */
  async release(): Promise<void> {
    const own = this.#own;
    this.#forget();
    if (own === null || (await textOf(this.#path).catch(() => null)) !== own) return;
    await putAway(this.#path, own).catch(() => undefined);
  }

  #forget(): void {
    this.#own = null;
    clearInterval(this.#timer);
  }

  /** By writing the same anew, so that the time is that of the file system: clocks of other machines may go wrong. */
  async #touch(own: string): Promise<void> {
    // One that hangs, as on a share that is gone, must not take thread after thread.
    if (this.#isTouching) return;
    this.#isTouching = true;
    try {
      const file = await open(this.#path, 'r+');
      try {
        if ((await file.readFile('utf8')) === own) await file.write(own, 0);
      } finally {
        await file.close();
      }
    } catch {
      // It is gone, or the disk fails: the next change says so.
    } finally {
      this.#isTouching = false;
    }
  }
}

/** null: made. Where there is one already: what time it is for the file system. */
async function createLock(path: string, text: string): Promise<number | null> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeWhole(temporary, text);
    const { mtimeMs } = await stat(temporary);
    try {
      // A link appears with all that is in it, so nobody ever reads half of a lock.
      await link(temporary, path);
      return null;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return mtimeMs;
      throw error;
    }
  } finally {
    await unlink(temporary).catch(() => undefined);
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

/** Its number, when it was started, and where these mean something; older locks lack the last. */
function partsOf(description: string): { pid: number; start: string; place: string | undefined } {
  const [pid, start = '', place] = description.trim().split(' ');
  return { pid: Number(pid), start, place };
}

function nameOf(description: string): string {
  const { pid, place } = partsOf(description);
  const isElsewhere = place !== undefined && place !== processPlace;
  return `process ${pid}${isElsewhere ? ' in another container or on another machine' : ''}`;
}

/** A process, told apart from others that have its number at another time or in another place. */
async function describeProcess(pid: number): Promise<string> {
  return `${pid} ${await startOf(pid)} ${processPlace}\n`;
}

async function isAlive(description: string, path: string, nowMs: number): Promise<boolean> {
  const { pid, start, place } = partsOf(description);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  if (place === undefined || place === processPlace) return isRunning(pid) && (await startOf(pid)) === start;
  try {
    // One from the future was written before the clock was set back.
    return Math.abs(nowMs - (await stat(path)).mtimeMs) <= untouchedMaxMs;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
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
