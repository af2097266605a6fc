// How many cores this process may use: what its CPU affinity says, and what its control groups grant. A container with
// two CPUs on a host of 64 sees 64 cores and gets the time of two.
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

/** Where Linux shows control groups, and in which one this process is. */
export interface CgroupFiles {
  readonly mount: string;
  readonly membership: string;
}

/** Where Linux shows on which CPUs this process may run, and which of all CPUs run at all. */
export interface AffinityFiles {
  readonly status: string;
  readonly online: string;
}

const systemFiles: CgroupFiles & AffinityFiles = {
  mount: '/sys/fs/cgroup',
  membership: '/proc/self/cgroup',
  status: '/proc/self/status',
  online: '/sys/devices/system/cpu/online',
};

/**
 * At least 1. A part of a core that the control groups grant is rounded up: one and a half count as two, or half a core would lie
 * idle; half a core counts as one.
 */
export function usableCores(files: CgroupFiles & AffinityFiles = systemFiles): number {
  return Math.max(1, Math.min(allowedCores(files) ?? availableParallelism(), Math.ceil(grantedCores(files))));
}

/**
 * CPUs that this process may run on and that are online; null where the system does not tell. Node would say it, too, but
 * newer versions also take the grant of the control groups into it, rounded down.
 */
export function allowedCores(files: AffinityFiles): number | null {
  const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readText(files.status) ?? '')?.[1];
  const [allowed, online] = [cpusOf(list ?? ''), cpusOf(readText(files.online)?.trim() ?? '')];
  // The list may name CPUs that could be plugged in.
  if (allowed === null || online === null) return null;
  return [...allowed].filter((cpu) => online.has(cpu)).length;
}

/** `0-3,8`; null where the text is no such list. */
function cpusOf(text: string): ReadonlySet<number> | null {
  if (!/^\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*$/.test(text)) return null;
  const cpus = new Set<number>();
  for (const range of text.split(',')) {
    const [first = 0, last = first] = range.split('-').map(Number);
    for (let cpu = first; cpu <= last; cpu++) cpus.add(cpu);
  }
  return cpus;
}

/**
 * Cores' worth of time that the control groups grant, Infinity where they set no limit: the least along the way from
 * the group of this process to the root. Reads version 2 (`cpu.max`) and version 1 (`cpu.cfs_quota_us`), see
 * cgroup-v2 and sched-bwc in the documentation of the Linux kernel.
 */
export function grantedCores(files: CgroupFiles = systemFiles): number {
  let least = Infinity;
  for (const line of (readText(files.membership) ?? '').split('\n')) {
    const [, hierarchy, controllers = '', path = ''] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    if (hierarchy === undefined) continue;
    const isSecond = hierarchy === '0' && controllers === '';
    if (!isSecond && !controllers.split(',').includes('cpu')) continue;
    const root = isSecond ? files.mount : join(files.mount, controllers);
    const read = isSecond ? grantOfVersion2 : grantOfVersion1;
    // Version 1 is also mounted under the controller's own name, whatever the order in the other one is.
    const roots = isSecond ? [root] : [root, join(files.mount, 'cpu')];
    for (const group of upwards(path)) {
      for (const mount of roots) least = Math.min(least, read(join(mount, group)));
    }
  }
  return least;
}

/** `/a/b`, `/a`, `/`. In a container the path may be that of the host; then only the root is there. */
function* upwards(path: string): Generator<string> {
  for (let group = join('/', path); ; group = dirname(group)) {
    yield group;
    if (group === '/') return;
  }
}

function grantOfVersion2(folder: string): number {
  const [quota = 'max', period = ''] = (readText(join(folder, 'cpu.max')) ?? '').trim().split(' ');
  return coresOf(Number(quota), Number(period));
}

function grantOfVersion1(folder: string): number {
  const quota = Number(readText(join(folder, 'cpu.cfs_quota_us')) ?? -1);
  return coresOf(quota, Number(readText(join(folder, 'cpu.cfs_period_us')) ?? 0));
}

function coresOf(quotaUs: number, periodUs: number): number {
  return quotaUs > 0 && periodUs > 0 ? quotaUs / periodUs : Infinity;
}

/** Null where there is no such file, as on systems without control groups. */
function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
