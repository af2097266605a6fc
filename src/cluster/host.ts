// What this machine is called in the view of connections, and how many workers it gets.
import { hostname } from 'node:os';
import type { Config } from '../config/schema.js';
import { usableCores } from './cores.js';

export function workerCount(config: Config): number {
  const { workers } = config.cluster;
  return workers === 'auto' ? Math.max(1, Math.floor(usableCores() / config.model.threads)) : workers;
}

/** Unique on a machine, since the port is; where the port is any free one, the process is. */
export function defaultHostId(port: number): string {
  const name =
    hostname()
      .replaceAll(/[^A-Za-z0-9._-]/g, '-')
      .slice(0, 50) || 'host';
  return `${name}-${port === 0 ? `p${process.pid}` : port}`;
}
