// What the operating system tells of a server's processes.
import { readFileSync } from 'node:fs';
import { codeOf } from '#src/errors.js';
import { Wire } from './wire.js';

/** Process ids of all workers. */
export async function workerPids(port: number): Promise<number[]> {
  const wire = await Wire.open(port);
  const status = await wire.ask('{"cmd": 0x44, "request_data": null}');
  wire.close();
  return [...status.matchAll(/"pid": (\d+)/g)].map(([, pid]) => Number(pid));
}

/** Resident memory of a process in bytes. */
export function rssBytes(pid: number): number {
  return memoryBytes(pid, 'VmRSS');
}

/** The most that it ever was. */
export function peakBytes(pid: number): number {
  return memoryBytes(pid, 'VmHWM');
}

function memoryBytes(pid: number, key: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
}

/** Ends those of them that have not ended by themselves. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if (codeOf(error) !== 'ESRCH') throw error;
    }
  }
}
