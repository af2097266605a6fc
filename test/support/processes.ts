// What the operating system tells of a server's processes.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { codeOf } from '#src/errors.js';
import { Wire } from './wire.js';

/** Signals one process. 0 would be all of the tests and whoever runs them. */
export function signalTo(pid: number | undefined, signal: NodeJS.Signals): void {
  assert.ok(pid !== undefined && pid > 0, 'there is no process to signal');
  // eslint-disable-next-line no-restricted-properties -- what it is restricted to
  process.kill(pid, signal);
}

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

/** Process ids of what `pid` has started and what lives. */
export function childrenOf(pid: number): number[] {
  const isChild = (each: string) => {
    try {
      return new RegExp(`^PPid:\\s+${pid}$`, 'm').test(readFileSync(`/proc/${each}/status`, 'latin1'));
    } catch {
      // It ended meanwhile.
      return false;
    }
  };
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && isChild(name))
    .map(Number);
}

/** Ends those of them that have not ended by themselves. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      signalTo(pid, 'SIGKILL');
    } catch (error) {
      if (codeOf(error) !== 'ESRCH') throw error;
    }
  }
}
