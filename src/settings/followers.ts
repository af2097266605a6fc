// The workers that follow changes: those that serve take part in each; one that comes first catches up with what was decided
// since it was told what to load, however often that happens meanwhile, and serves as soon as it has.
import { basename } from 'node:path';
import { DeadlineError, ResourceNotFoundError } from '../errors.js';
import type { Logger } from '../log.js';
import { ChangeRound, timedOut, type Follower, type Problem, type StepTimes } from './change-round.js';
import type { Settings } from './settings.js';

export interface FollowersOptions {
  /** What was decided last. */
  readonly current: () => Settings;
  /** Somebody has loaded the model whose fingerprint nobody knew. */
  readonly onLoaded: (fingerprint: string) => void;
  /** How long a worker that comes may take to catch up with one change. */
  readonly changeTimeoutMs: number;
  readonly commitTimeoutMs: number;
  /** So long a worker may still load what has been given up. */
  readonly loadTimeoutMs: number;
  /** So long after a change images may be judged by the old model that were there before. */
  readonly answerTimeoutMs: number;
  readonly log: Logger;
}

/** A worker that has loaded something. */
export interface Arrival {
  /** Of the settings that it has. */
  readonly version: number;
  readonly fingerprint: string;
}

export class Followers {
  readonly #options: FollowersOptions;
  /** Those that live. */
  readonly #living = new Map<string, Follower>();
  /** Those of them that serve by what was decided last. */
  readonly #serving = new Map<string, Follower>();
  readonly #rounds = new Map<number, ChangeRound>();
  /** Models that workers which have not come yet were told to load. */
  readonly #coming = new Map<string, string>();
  #lastRound = 0;
  /** The change that all take part in. */
  #common: ChangeRound | null = null;

  constructor(options: FollowersOptions) {
    this.#options = options;
  }

  /** Whether there is a worker that has loaded what was decided last, or is about to. */
  get hasLiving(): boolean {
    return this.#living.size > 0;
  }

  /** A worker has been forked and will load these settings. */
  expect(workerId: string, { modelPath }: Settings): void {
    this.#coming.set(workerId, modelPath);
  }

  /** Models that workers may be loading now. */
  loadedPaths(): string[] {
    return [...this.#coming.values(), ...[...this.#rounds.values()].map(({ modelPath }) => modelPath)];
  }

  /** Resolves to true when the worker may serve; to false where it cannot follow and is ended, or has ended. */
  async admit(workerId: string, follower: Follower, arrival: Arrival): Promise<boolean> {
    this.#coming.delete(workerId);
    this.#living.set(workerId, follower);
    if (arrival.version === this.#options.current().version && !this.#isSame(workerId, follower, arrival))
      return false;
    let { version } = arrival;
    while (this.#living.get(workerId) === follower) {
      const settings = this.#options.current();
      const common = this.#common;
      if (version !== settings.version) {
        if (!(await this.#catchUp(workerId, follower, settings))) return false;
        version = settings.version;
      } else if (common?.isDeciding === true) await common.decided;
      else {
        this.#serving.set(workerId, follower);
        if (common?.isPreparing === true) common.join(workerId, follower);
        return true;
      }
    }
    return false;
  }

  /**
   * Has all follow to `settings`: they prepare, `decide` says by resolving that it is so, and they commit. Throws WireError, and
   * then everybody has stayed where he was. One at a time.
   */
  async lead(settings: Settings, timeoutMs: number, decide: () => Promise<void>): Promise<void> {
    const [number, round] = this.#open(settings, this.#serving);
    this.#common = round;
    try {
      await prepareAndDecide(round, timeoutMs, decide);
    } catch (error) {
      this.#common = null;
      round.abort();
      void this.#endStuck(number, round);
      throw error;
    }
    const left = await round.commit(this.#commitTimes, (workerId, timeoutMs) => {
      this.#options.log.error(
        { workerId, timeoutMs },
        'a worker did not follow a change, or did not answer what was asked before it, in time; ending it',
      );
    });
    this.#giveUp(left);
    this.#common = null;
    this.#rounds.delete(number);
  }

  /** The round has been given up: nobody who is stuck in it may hold up the next ones for longer than this. */
  async #endStuck(number: number, round: ChangeRound): Promise<void> {
    const { commitTimeoutMs, loadTimeoutMs, log } = this.#options;
    const times = { firstTimeoutMs: commitTimeoutMs, lastTimeoutMs: loadTimeoutMs };
    const left = await round.settled(times, (workerId) => {
      log.error({ workerId }, 'a worker is stuck in a change that was given up; ending it');
    });
    this.#giveUp(left);
    this.#rounds.delete(number);
  }

  /** Who has not even ended when it was killed follows nothing any more, and is not waited for. */
  #giveUp(workerIds: readonly string[]): void {
    for (const workerId of workerIds) {
      this.#options.log.error({ workerId }, 'a worker that was killed does not end; going on without it');
      this.remove(workerId);
    }
  }

  prepared(workerId: string, round: number, problem: Problem): void {
    this.#rounds.get(round)?.prepared(workerId, problem);
  }

  aborting(workerId: string, round: number): void {
    this.#rounds.get(round)?.aborting(workerId);
  }

  switched(workerId: string, round: number): void {
    this.#rounds.get(round)?.switched(workerId);
  }

  committed(workerId: string, round: number): void {
    this.#rounds.get(round)?.committed(workerId);
  }

  /** It has ended. */
  remove(workerId: string): void {
    this.#coming.delete(workerId);
    this.#living.delete(workerId);
    this.#serving.delete(workerId);
    for (const round of this.#rounds.values()) round.remove(workerId);
  }

  async #catchUp(workerId: string, follower: Follower, settings: Settings): Promise<boolean> {
    const { changeTimeoutMs, log } = this.#options;
    const [number, round] = this.#open(settings, new Map([[workerId, follower]]));
    const problem = await round.prepare(changeTimeoutMs);
    const end = (reason: string) => {
      log.error({ workerId, reason }, 'a new worker cannot follow a change; ending it');
    };
    if (problem === null) {
      const left = await round.commit(this.#commitTimes, () => {
        end('it took too long');
      });
      this.#giveUp(left);
    } else if (this.#living.has(workerId)) {
      end(problem === timedOut ? 'it took too long' : problem);
      follower.kill();
    }
    this.#rounds.delete(number);
    return problem === null;
  }

  get #commitTimes(): StepTimes {
    const { commitTimeoutMs, answerTimeoutMs } = this.#options;
    return { firstTimeoutMs: commitTimeoutMs, lastTimeoutMs: answerTimeoutMs };
  }

  #open(settings: Settings, followers: ReadonlyMap<string, Follower>): readonly [number, ChangeRound] {
    const number = ++this.#lastRound;
    const round = new ChangeRound(number, settings, followers);
    this.#rounds.set(number, round);
    return [number, round];
  }

  /** All workers have the same model, or what a client is told depends on who serves it. */
  #isSame(workerId: string, follower: Follower, { fingerprint }: Arrival): boolean {
    const { current, onLoaded, log } = this.#options;
    const known = current().fingerprint;
    if (known === null) onLoaded(fingerprint);
    if (known === null || known === fingerprint) return true;
    log.error(
      { workerId, model: basename(current().modelPath) },
      'the file of the model is another one than when the server started, so a new worker cannot serve; restore it, change ' +
        'to it with 0x26, or restart the server',
    );
    follower.kill();
    return false;
  }
}

/** Throws WireError. */
async function prepareAndDecide(
  round: ChangeRound,
  timeoutMs: number,
  decide: () => Promise<void>,
): Promise<void> {
  const problem = await round.prepare(timeoutMs);
  if (problem === timedOut) throw new DeadlineError('not done in time; nothing was changed');
  if (problem !== null) {
    throw new ResourceNotFoundError('the model could not be loaded', { cause: new Error(problem) });
  }
  await decide();
}
