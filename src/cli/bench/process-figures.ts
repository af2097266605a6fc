// What the operating system says of processes: processor time and memory. Linux only; elsewhere nothing is known, and the
// figures that need it are null.
import { readdir, readFile } from 'node:fs/promises';

export interface ProcessFigures {
  readonly pid: number;
  /** In user mode and in the kernel, of all its threads. */
  readonly cpuMs: number;
  readonly rssBytes: number;
}

/** Of a server: its primary and its workers. */
export interface ServerFigures {
  readonly primary: ProcessFigures;
  readonly workers: readonly ProcessFigures[];
}

/** The kernel counts processor time in hundredths of a second for everybody (USER_HZ). */
const tickMs = 10;

/** The process `pid` and its children; null where that cannot be told. */
export async function serverFigures(pid: number): Promise<ServerFigures | null> {
  if (process.platform !== 'linux') return null;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const all = (await Promise.all(pids.map(read))).filter((each) => each !== null);
  const primary = all.find((each) => each.pid === pid);
  if (primary === undefined) return null;
  return { primary, workers: all.filter(({ parent }) => parent === pid).sort((a, b) => a.pid - b.pid) };
}

/** Processor time of the whole server. */
export function serverCpuMs({ primary, workers }: ServerFigures): number {
  return workers.reduce((sum, { cpuMs }) => sum + cpuMs, primary.cpuMs);
}

/** null: it has ended meanwhile. */
async function read(pid: number): Promise<(ProcessFigures & { readonly parent: number }) | null> {
  try {
    const [stat, status] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8'),
    ]);
    // The name in parentheses may hold anything; behind it come state, parent and numbers (proc(5), fields 3 and up).
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const rssKiB = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
    return {
      pid,
      parent: fields[1] ?? 0,
      cpuMs: ((fields[11] ?? 0) + (fields[12] ?? 0)) * tickMs,
      rssBytes: rssKiB * 1024,
    };
  } catch {
    return null;
  }
}
