// One change through workers: a few at a time prepare it, a decision is made, all commit it. Workers come and go meanwhile: one
// that ends is left out, one that comes while others prepare does so, too. Nothing here knows what is changed; how workers
// are reached is told by whoever adds them.
import { settlesIn } from '../in-time.js';
import type { Settings } from './settings.js';

/**
 * Of the workers, so many load at a time: loading takes a core and a model's memory, and who serves needs both. With few
 * workers it is one after the other; with many the change would take too long so.
 */
const shareAtOnce = 1 / 4;

/** One that ends while it loads may have had its own reasons; when so many have, and none could load it, it is what they load. */
const lostMax = 2;
const workersEnd = 'workers end while they load it';

/** A worker that follows changes. */
export interface Follower {
  /** Load what the settings name, beside what serves; answered with `prepared`. */
  prepare(round: number, settings: Settings): void;
  /** Serve by what was prepared; answered with `switched`, and with `committed` when what was asked before is answered. */
  commit(round: number): void;
  /** Give up what was prepared, or is: answered with `aborting` at once. */
  abort(round: number): void;
  /** It does not answer; its end counts as an answer. */
  kill(): void;
}

/** How long a worker may take to do as it is told, and then to end what it was at. */
export interface StepTimes {
  /** For serving by what was prepared; for hearing that it is given up. */
  readonly firstTimeoutMs: number;
  /** From then on, for what was asked before; for loading to its end. */
  readonly lastTimeoutMs: number;
}

/** Told of a worker that is killed, since it took longer than this for its answer. */
export type OnKill = (workerId: string, timeoutMs: number) => void;

/** A process that waits for a disk that hangs is not ended by a signal: it does nothing any more all the same. */
const defaultGoneMs = 5_000;

/** What a worker says of what it was to prepare; null: it is ready. */
export type Problem = string | null;

/** Not every worker has answered in time. */
export const timedOut = Symbol('timed out');

/**
 * `deciding`: all are ready, and whether they commit is not known yet. `givenUp`: those that were asked to prepare are to hear it;
 * `loading`: they have, and load to the end.
 */
type Phase = 'preparing' | 'deciding' | 'switching' | 'answering' | 'givenUp' | 'loading' | 'over';

export class ChangeRound {
  readonly #number: number;
  readonly #goneMs: number;
  readonly #settings: Settings;
  readonly #followers: Map<string, Follower>;
  /** Workers whose answer in this phase is still to come. */
  readonly #awaited = new Set<string>();
  /** Those of them that are still to be asked to prepare, in their order. */
  readonly #unasked = new Set<string>();
  #phase: Phase = 'preparing';
  #problem: Problem = null;
  /** Workers that do as they are told, and still answer what was asked before, or load. */
  readonly #unfinished = new Set<string>();
  /** Workers that could prepare. */
  #ready = 0;
  /** Workers that ended while they prepared. */
  #lost = 0;
  #onAnswered: () => void = () => undefined;
  #onDecided: () => void = () => undefined;
  /** Resolves when it is decided, or given up. */
  readonly decided: Promise<void>;

  constructor(
    number: number,
    settings: Settings,
    followers: ReadonlyMap<string, Follower>,
    goneMs = defaultGoneMs,
  ) {
    this.#goneMs = goneMs;
    this.#number = number;
    this.#settings = settings;
    this.#followers = new Map(followers);
    this.decided = new Promise((resolve) => {
      this.#onDecided = resolve;
    });
  }

  /** What its workers load. */
  get modelPath(): string {
    return this.#settings.modelPath;
  }

  /** Whether `decided` is about to resolve. */
  get isDeciding(): boolean {
    return this.#phase === 'deciding';
  }

  /** Whether a worker may still join. */
  get isPreparing(): boolean {
    return this.#phase === 'preparing';
  }

  /** Has every worker prepare; resolves to null when all are ready, to what the first one says that cannot, or to `timedOut`. */
  async prepare(timeoutMs: number): Promise<Problem | typeof timedOut> {
    const count = this.#followers.size;
    for (const workerId of this.#followers.keys()) this.#await(workerId);
    const inTime = await settlesIn(this.#answered(), timeoutMs);
    // What ends those who load it must not be what the next ones begin with.
    if (count > 0 && this.#followers.size === 0) this.#problem ??= workersEnd;
    if (this.#problem !== null) return this.#problem;
    if (!inTime) return timedOut;
    this.#phase = 'deciding';
    return null;
  }

  /** One that has come, and serves by what the others serve by, prepares with them. */
  join(workerId: string, follower: Follower): void {
    this.#followers.set(workerId, follower);
    this.#await(workerId);
    this.#check();
  }

  /** Everybody stays with what serves. */
  abort(): void {
    this.#phase = 'givenUp';
    for (const workerId of this.#unasked) this.#awaited.delete(workerId);
    this.#unasked.clear();
    for (const workerId of this.#awaited) this.#unfinished.add(workerId);
    for (const follower of this.#followers.values()) follower.abort(this.#number);
    this.#onDecided();
  }

  /**
   * After an abort: resolves when all have loaded that were asked to prepare, or have ended; who takes longer is killed. It
   * could follow no other change. Gives those that have not ended even then.
   */
  settled(times: StepTimes, onKill: OnKill): Promise<readonly string[]> {
    return this.#inTwoSteps(times, 'loading', onKill);
  }

  /**
   * Has every worker commit; resolves when all have, or have ended: who takes longer is killed. Gives those that have not ended even
   * then.
   */
  commit(times: StepTimes, onKill: OnKill): Promise<readonly string[]> {
    this.#phase = 'switching';
    this.#onDecided();
    for (const [workerId, follower] of this.#followers) {
      this.#awaited.add(workerId);
      this.#unfinished.add(workerId);
      follower.commit(this.#number);
    }
    return this.#inTwoSteps(times, 'answering', onKill);
  }

  prepared(workerId: string, problem: Problem): void {
    if (this.#phase === 'preparing') {
      this.#problem ??= problem;
      if (problem === null) this.#ready += 1;
    } else if (this.#phase !== 'givenUp' && this.#phase !== 'loading') return;
    this.#unfinished.delete(workerId);
    this.#settle(workerId);
  }

  /** It has heard that it is given up. */
  aborting(workerId: string): void {
    if (this.#phase === 'givenUp') this.#settle(workerId);
  }

  /** It serves by what was prepared. */
  switched(workerId: string): void {
    if (this.#phase === 'switching') this.#settle(workerId);
  }

  /** It has answered what was asked before. */
  committed(workerId: string): void {
    this.#unfinished.delete(workerId);
    if (this.#phase === 'switching' || this.#phase === 'answering') this.#settle(workerId);
  }

  /** It has ended. */
  remove(workerId: string): void {
    this.#followers.delete(workerId);
    this.#unfinished.delete(workerId);
    const wasLoading = this.#awaited.has(workerId) && !this.#unasked.has(workerId);
    if (this.#phase === 'preparing' && wasLoading) {
      this.#lost += 1;
      if (this.#ready === 0 && this.#lost >= lostMax) this.#problem ??= workersEnd;
    }
    this.#settle(workerId);
  }

  async #inTwoSteps(
    { firstTimeoutMs, lastTimeoutMs }: StepTimes,
    last: Phase,
    onKill: OnKill,
  ): Promise<string[]> {
    const left = await this.#answeredOrKilled(firstTimeoutMs, onKill);
    this.#phase = last;
    for (const workerId of this.#unfinished) this.#awaited.add(workerId);
    left.push(...(await this.#answeredOrKilled(lastTimeoutMs, onKill)));
    this.#phase = 'over';
    return left;
  }

  async #answeredOrKilled(timeoutMs: number, onKill: OnKill): Promise<string[]> {
    if (await settlesIn(this.#answered(), timeoutMs)) return [];
    const ended = this.#answered();
    for (const workerId of this.#awaited) {
      onKill(workerId, timeoutMs);
      this.#followers.get(workerId)?.kill();
    }
    if (await settlesIn(ended, this.#goneMs)) return [];
    const left = [...this.#awaited];
    for (const workerId of left) this.remove(workerId);
    return left;
  }

  #await(workerId: string): void {
    this.#awaited.add(workerId);
    this.#unasked.add(workerId);
  }

  /** Asks the next ones, as many as may load at a time. */
  #askNext(): void {
    const atOnce = Math.max(1, Math.floor(this.#followers.size * shareAtOnce));
    for (const workerId of this.#unasked) {
      if (this.#awaited.size - this.#unasked.size >= atOnce) return;
      this.#unasked.delete(workerId);
      this.#followers.get(workerId)?.prepare(this.#number, this.#settings);
    }
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
    this.#unasked.delete(workerId);
    this.#check();
  }

  #check(): void {
    if (this.#phase === 'preparing' && this.#problem === null) this.#askNext();
    if (this.#awaited.size === 0 || (this.#phase === 'preparing' && this.#problem !== null))
      this.#onAnswered();
  }
}
