// One change through all workers: each prepares it, a decision is made, each commits it. Workers come and go meanwhile:
// one that ends is left out, as its place is taken by one that begins with what was decided. Nothing here knows what is
// changed; how workers are reached is told by whoever adds them.
import type { Settings } from './settings.js';

/** A worker that follows changes. */
export interface Follower {
  /** Load what the settings name, beside what serves; answered with `prepared`. */
  prepare(round: number, settings: Settings): void;
  /** Serve by what was prepared; answered with `committed`. */
  commit(round: number): void;
  /** Give up what was prepared. */
  abort(round: number): void;
  /** It does not answer; its end counts as an answer. */
  kill(): void;
}

/** What a worker says of what it was to prepare; null: it is ready. */
export type Problem = string | null;

/** Not every worker has answered in time. */
export const timedOut = Symbol('timed out');

type Phase = 'preparing' | 'committing' | 'over';

export class ChangeRound {
  readonly #number: number;
  readonly #followers: Map<string, Follower>;
  /** Workers whose answer in this phase is still to come. */
  readonly #awaited = new Set<string>();
  #phase: Phase = 'over';
  #problem: Problem = null;
  #onAnswered: () => void = () => undefined;

  constructor(number: number, followers: ReadonlyMap<string, Follower>) {
    this.#number = number;
    this.#followers = new Map(followers);
  }

  get number(): number {
    return this.#number;
  }

  /**
   * Has every worker prepare; resolves to null when all are ready, to what the first one says that cannot, or to `timedOut`.
   */
  async prepare(settings: Settings, timeoutMs: number): Promise<Problem | typeof timedOut> {
    const inTime = await this.#phaseOf('preparing', timeoutMs, (follower) => {
      follower.prepare(this.#number, settings);
    });
    return this.#problem ?? (inTime ? null : timedOut);
  }

  /** Everybody stays with what serves. */
  abort(): void {
    this.#phase = 'over';
    for (const follower of this.#followers.values()) follower.abort(this.#number);
  }

  /** Has every worker commit; resolves when all have, or have ended: who takes longer is killed. */
  async commit(timeoutMs: number, onKill: (workerId: string) => void): Promise<void> {
    const inTime = await this.#phaseOf('committing', timeoutMs, (follower) => {
      follower.commit(this.#number);
    });
    if (inTime) return;
    const ended = this.#answered();
    for (const workerId of this.#awaited) {
      onKill(workerId);
      this.#followers.get(workerId)?.kill();
    }
    await ended;
    this.#phase = 'over';
  }

  prepared(workerId: string, problem: Problem): void {
    if (this.#phase !== 'preparing') return;
    this.#problem ??= problem;
    this.#settle(workerId);
  }

  committed(workerId: string): void {
    if (this.#phase === 'committing') this.#settle(workerId);
  }

  /** It has ended. */
  remove(workerId: string): void {
    this.#followers.delete(workerId);
    this.#settle(workerId);
  }

  async #phaseOf(phase: Phase, timeoutMs: number, tell: (follower: Follower) => void): Promise<boolean> {
    this.#phase = phase;
    for (const workerId of this.#followers.keys()) this.#awaited.add(workerId);
    for (const follower of this.#followers.values()) tell(follower);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, timeoutMs, 'late');
    });
    const how = await Promise.race([this.#answered(), late]);
    clearTimeout(timer);
    return how !== 'late';
  }

  /** Resolves when nobody's answer is awaited, or one cannot prepare. */
  #answered(): Promise<void> {
    return new Promise((resolve) => {
      this.#onAnswered = resolve;
      this.#check();
    });
  }

  #settle(workerId: string): void {
    this.#awaited.delete(workerId);
    this.#check();
  }

  #check(): void {
    if (this.#awaited.size === 0 || (this.#phase === 'preparing' && this.#problem !== null))
      this.#onAnswered();
  }
}
