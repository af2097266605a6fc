// What the workers of each host report, added up.
import type { WorkerView } from '../connections/record.js';

export interface HostTotals {
  readonly host: string;
  /** How many. */
  readonly workers: number;
  readonly peers: number;
  readonly requests: number;
  readonly images: number;
  readonly errors: number;
  readonly bytes_in: number;
  readonly bytes_out: number;
  readonly queued: number;
  readonly in_flight: number;
  readonly images_per_second: number;
  /** More than one: its workers differ, as while a new model comes in. */
  readonly models: readonly string[];
  /** Of the report that is the oldest. */
  readonly age_ms: number;
}

type Sum = Exclude<keyof HostTotals, 'host' | 'workers' | 'models' | 'age_ms'>;

/** Ordered by host. */
export function totalsByHost(workers: readonly WorkerView[]): HostTotals[] {
  const hosts = [...new Set(workers.map(({ record }) => record.host))].sort();
  return hosts.map((host) => {
    const own = workers.filter(({ record }) => record.host === host);
    const sum = (key: Sum) => own.reduce((total, { record }) => total + record[key], 0);
    return {
      host,
      workers: own.length,
      peers: sum('peers'),
      requests: sum('requests'),
      images: sum('images'),
      errors: sum('errors'),
      bytes_in: sum('bytes_in'),
      bytes_out: sum('bytes_out'),
      queued: sum('queued'),
      in_flight: sum('in_flight'),
      images_per_second: Number(sum('images_per_second').toFixed(2)),
      models: [...new Set(own.map(({ record }) => record.model))].sort(),
      age_ms: Math.round(Math.max(...own.map(({ ageMs }) => ageMs))),
    };
  });
}
