// The folder of the sockets over which workers share images. Nobody but this user can open it, and so nobody else can
// hand in or take out images.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder of mode 0700. Throws where the folder for temporary files cannot be written. */
export function makeShareFolder(): string {
  return mkdtempSync(join(tmpdir(), 'pear-share-'));
}

export function removeShareFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}
