// Tells of faults without a flood: a model that fails on every image would fill a disk with one line a thousand times.
import { performance } from 'node:perf_hooks';

const intervalMs = 60_000;
/** Reasons that are remembered; beyond that the oldest may be told of again too early. */
const reasonsMax = 32;

export class FaultLog {
  readonly #tell: (reason: string) => void;
  readonly #now: () => number;
  /** When each reason was last told of, and how often it came since. */
  readonly #told = new Map<string, { readonly at: number; since: number }>();

  constructor(tell: (reason: string) => void, now = () => performance.now()) {
    this.#tell = tell;
    this.#now = now;
  }

  /** Tells of `reason` the first time, then once a minute, with the number of those between. */
  add(reason: string): void {
    const now = this.#now();
    const last = this.#told.get(reason);
    if (last !== undefined && now - last.at < intervalMs) {
      last.since += 1;
      return;
    }
    this.#told.delete(reason);
    const [oldest] = this.#told.keys();
    if (oldest !== undefined && this.#told.size >= reasonsMax) this.#told.delete(oldest);
    this.#told.set(reason, { at: now, since: 0 });
    const since = last?.since ?? 0;
    this.#tell(since === 0 ? reason : `${reason} (and ${since} times more since this was last told)`);
  }
}
