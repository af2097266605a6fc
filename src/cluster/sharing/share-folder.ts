// The folder of the sockets over which workers share images. Nobody but this user can open it, and so nobody else can
// hand in or take out images. Its name says which primary made it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Longest path of a socket, in bytes (sun_path of unix(7), macOS included); Node cuts a longer one without a word. */
const socketPathBytesMax = 103;
/** Bytes of `/`, a slot and a boot number. */
const socketNameBytesMax = 16;

/** A new folder of mode 0700. Throws where the folder for temporary files cannot be written or has too long a name. */
export function makeShareFolder(): string {
  const prefix = join(tmpdir(), `pear-share-${process.pid}-`);
  const bytes = Buffer.byteLength(prefix) + 'XXXXXX'.length + socketNameBytesMax;
  if (bytes > socketPathBytesMax) throw new Error(`the path of a socket in ${tmpdir()} would be too long`);
  return mkdtempSync(prefix);
}

/** The process that made a folder of this name; null: it is no such folder. */
export function makerOf(name: string): number | null {
  const pid = /^pear-share-(\d{1,10})-[A-Za-z0-9]{6}$/.exec(name)?.[1];
  return pid === undefined ? null : Number(pid);
}

/** Removes what a worker that has died may have left. */
export function removeSocket(path: string): void {
  rmSync(path, { force: true });
}

export function removeShareFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
