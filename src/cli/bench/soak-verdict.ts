// What the memory of a server over many images says: whether every worker lived, and whether memory grew.
import { median } from './statistics.js';

export interface SoakSample {
  readonly images: number;
  readonly primaryMiB: number;
  /** By their process ids: a worker that was replaced shows. */
  readonly workersMiB: Readonly<Record<string, number>>;
}

/** Medians of resident memory over the first and the last quarter of the samples. */
export interface Growth {
  readonly firstMiB: number;
  readonly lastMiB: number;
}

export interface SoakVerdict {
  /** null: the system tells nothing of memory, so nothing can be said. */
  readonly passed: boolean | null;
  /** One clear line. */
  readonly words: string;
  readonly primary: Growth | null;
  /** Workers that lived throughout, by their process ids. */
  readonly workers: Readonly<Record<string, Growth>>;
  readonly sum: Growth | null;
}

/** More than this share of growth in all processes together, and memory grows with the work. */
export const growthMax = 0.1;

/** `samples`: after the warm-up, in order. */
export function soakVerdict(samples: readonly SoakSample[]): SoakVerdict {
  const [first] = samples;
  if (first === undefined) {
    const words = 'no verdict: this system does not tell what memory processes have';
    return { passed: null, words, primary: null, workers: {}, sum: null };
  }
  const growth = (value: (sample: SoakSample) => number) => growthOf(samples.map(value));
  const pids = Object.keys(first.workersMiB);
  const gone = pids.filter((pid) => samples.some(({ workersMiB }) => !(pid in workersMiB)));
  const came = new Set(samples.flatMap(({ workersMiB }) => Object.keys(workersMiB)));
  for (const pid of pids) came.delete(pid);
  const lived = pids.filter((pid) => !gone.includes(pid));
  const sum = growth(totalMiB);
  const share = sum.lastMiB / sum.firstMiB - 1;
  const grown = `memory of all processes went from ${sum.firstMiB.toFixed(1)} to ${sum.lastMiB.toFixed(1)} MiB (${inPercent(share)})`;
  const faults = [
    ...(gone.length > 0 || came.size > 0
      ? [`worker processes changed: ${list(gone)} went, ${list([...came])} came`]
      : []),
    ...(sum.lastMiB - sum.firstMiB > sum.firstMiB * growthMax
      ? [`${grown}, more than ${inPercent(growthMax)}`]
      : []),
  ];
  return {
    passed: faults.length === 0,
    words: faults.length > 0 ? `failed: ${faults.join('; ')}` : `passed: every worker lived, ${grown}`,
    primary: growth(({ primaryMiB }) => primaryMiB),
    workers: Object.fromEntries(
      lived.map((pid) => [pid, growth(({ workersMiB }) => workersMiB[pid] ?? 0)] as const),
    ),
    sum,
  };
}

function growthOf(values: readonly number[]): Growth {
  const quarter = Math.max(1, Math.floor(values.length / 4));
  return {
    firstMiB: median(values.slice(0, quarter)) ?? 0,
    lastMiB: median(values.slice(-quarter)) ?? 0,
  };
}

function totalMiB({ primaryMiB, workersMiB }: SoakSample): number {
  return Object.values(workersMiB).reduce((sum, value) => sum + value, primaryMiB);
}

function inPercent(share: number): string {
  return `${share > 0 ? '+' : ''}${(share * 100).toFixed(1)} %`;
}

function list(pids: readonly string[]): string {
  return pids.length === 0 ? 'none' : pids.join(', ');
}
