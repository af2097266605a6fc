// Removes the folders for sockets that servers have left whose primary and workers were all killed. Never one of a server
// that lives, also where that is in a container and its process ids mean nothing here: a socket in it that somebody listens
// to, or that it is quite new, tells.
import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makerOf } from './share-folder.js';
import { isRunning } from '../../running-process.js';

/** A server that starts has no sockets yet; it has some, or has given up, long before this. */
const emptyAgeMinMs = 10 * 60_000;

/** What was removed from `parent`. What cannot be looked at or removed stays, and is no trouble. */
export async function removeLeftFolders(parent = tmpdir()): Promise<readonly string[]> {
  const removed: string[] = [];
  for (const name of namesIn(parent)) {
    const maker = makerOf(name);
    const folder = join(parent, name);
    if (maker === null || isRunning(maker) || !(await isLeft(folder))) continue;
    try {
      rmSync(folder, { recursive: true });
      removed.push(folder);
    } catch {
      // Another server that starts was faster.
    }
  }
  return removed;
}

/** Whether it is a folder of this user, with nothing in it but sockets that nobody listens to. */
async function isLeft(folder: string): Promise<boolean> {
  try {
    const stats = lstatSync(folder);
    if (!stats.isDirectory() || stats.uid !== process.getuid?.()) return false;
    const entries = readdirSync(folder, { withFileTypes: true });
    if (entries.length === 0) return Date.now() - stats.mtimeMs >= emptyAgeMinMs;
    if (!entries.every((entry) => entry.isSocket())) return false;
    for (const { name } of entries) if (!(await isDeaf(join(folder, name)))) return false;
    return true;
  } catch {
    return false;
  }
}

/** Whether nobody listens to a socket. One that cannot be asked may be listened to. */
function isDeaf(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error) => {
      resolve('code' in error && error.code === 'ECONNREFUSED');
    });
  });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
