// What is made of many measured values. Everything here is pure; no value is null, as JSON has no NaN.

/** Below so many values the slowest thousandth is a single one, and says nothing. */
const p999CountMin = 1_000;

export interface Latencies {
  readonly count: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  /** null where there are fewer than 1,000 values. */
  readonly p999Ms: number | null;
  readonly maxMs: number | null;
}

/** Nearest-rank percentile; `share` 0 to 1. null of nothing. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

/** The middle one, or the mean of the middle two. null of nothing. */
export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const low = sorted[Math.ceil(sorted.length / 2) - 1];
  const high = sorted[Math.floor(sorted.length / 2)];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function latenciesOf(valuesMs: readonly number[]): Latencies {
  return {
    count: valuesMs.length,
    p50Ms: percentile(valuesMs, 0.5),
    p99Ms: percentile(valuesMs, 0.99),
    p999Ms: valuesMs.length < p999CountMin ? null : percentile(valuesMs, 0.999),
    maxMs: percentile(valuesMs, 1),
  };
}

/** a / b; null where either is not known. */
export function ratio(a: number | null, b: number | null): number | null {
  return a === null || b === null || b === 0 ? null : a / b;
}
