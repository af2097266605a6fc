// How many files this process may have open, connections among them.
import { readFileSync } from 'node:fs';

/** What a process needs beside its connections: models, images, logs, the store, the inside of Node. */
const otherFiles = 200;

/** The limit of the operating system, or null where it does not say (only Linux does). */
function openFilesMax(): number | null {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const hard = /^Max open files\s+\d+\s+(\d+)/m.exec(limits)?.[1];
    // Node raises the soft limit to the hard one.
    return hard === undefined ? null : Number(hard);
  } catch {
    return null;
  }
}

/** A warning where so many peers of so many workers are more than the system lets them have; else null. */
export function tooFewFiles(maxPeers: number, workers: number, max = openFilesMax()): string | null {
  const needed = Math.ceil(maxPeers / workers) + otherFiles;
  if (max === null || max >= needed) return null;
  return (
    `limits.max_peers is ${maxPeers}, but a process may have only ${max} files open here, connections among them; ` +
    `raise the limit (ulimit -Hn, LimitNOFILE) to ${needed}, or lower limits.max_peers`
  );
}
