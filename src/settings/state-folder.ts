// The folder in which a server keeps what must outlive it. It belongs to one server at a time, which takes it with its first
// write; whatever is written is whole or not there, also after a loss of power.
import { randomBytes } from 'node:crypto';
import { lstat, readdir, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncFolder } from '../sync-folder.js';
import { FolderLock } from './folder-lock.js';
import { textOf, writeWhole } from './whole-file.js';

const temporaryName = /\.[0-9a-f]{12}$/;

export class StateFolder {
  readonly path: string;
  readonly #lock: FolderLock;

  constructor(path: string) {
    this.path = path;
    this.#lock = new FolderLock(path);
  }

  /** null: there is no such file. Rejects where it cannot be read. */
  async read(name: string): Promise<string | null> {
    return textOf(join(this.path, name));
  }

  /** The folders beside it that have such a file, by name; none where that cannot be read. */
  async others(name: string): Promise<readonly string[]> {
    const beside = dirname(this.path);
    const found: string[] = [];
    for (const other of await readdir(beside).catch(() => [])) {
      if (other === basename(this.path)) continue;
      const stat = await lstat(join(beside, other, name)).catch(() => null);
      if (stat?.isFile() === true) found.push(other);
    }
    return found.sort();
  }

  /** Makes the folder ours, for good. Rejects where another server has it, or has taken it from us, or it cannot be written. */
  async lock(): Promise<void> {
    if (await this.#lock.take()) await this.#sweep();
  }

  /** Replaces the file as a whole. Rejects where the old one is still there. */
  async write(name: string, text: string): Promise<void> {
    await this.lock();
    const path = join(this.path, name);
    const temporary = `${path}.${randomBytes(6).toString('hex')}`;
    try {
      await writeWhole(temporary, text);
      // The disk may have taken its time.
      await this.#lock.assertOurs();
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
    await this.#lock.release();
  }
}
