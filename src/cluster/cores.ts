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
const systemFiles: CgroupFiles = { mount: '/sys/fs/cgroup', membership: '/proc/self/cgroup' };

/** At least 1. A grant of one and a half cores counts as two, or half a core would lie idle. */
export function usableCores(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(grantedCores())));
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
