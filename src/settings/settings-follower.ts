// A worker's part in a change: it loads what is to serve beside what serves, and begins to serve by it when it is told so,
// for every request at once. What the primary asks is done in its order.
import { performance } from 'node:perf_hooks';
import type { Model } from '../detector/models/model-spec.js';
import { describeError } from '../errors.js';
import { settlesIn } from '../in-time.js';
import type { Logger } from '../log.js';
import type { CurrentSettings, Settings } from './settings.js';

/** The part of the detector that is changed. */
export interface ChangeableModel {
  readonly model: Model;
  /** Loads what the settings name beside what serves. */
  prepare(settings: Settings): Promise<Model>;
  /** Serves by it from the moment of the call; resolves when the old one has answered what it was asked before. */
  commit(): Promise<void>;
  discard(): Promise<void>;
}

export interface FollowerOptions {
  readonly settings: Settings;
  readonly detector: ChangeableModel;
  /** What was asked before a change is answered before the change counts as done, unless that takes longer. */
  readonly maxWaitMs: number;
  /** cluster.start_timeout_ms: a worker that loads the model at its start has no longer. */
  readonly startTimeoutMs: number;
  /** `problem`: null where it is ready. */
  readonly onPrepared: (round: number, problem: string | null) => void;
  readonly onAborting: (round: number) => void;
  readonly onSwitched: (round: number) => void;
  readonly onCommitted: (round: number) => void;
  readonly log: Logger;
}

export class SettingsFollower implements CurrentSettings {
  readonly #options: FollowerOptions;
  #current: Settings;
  /** What was prepared, and for which round. */
  #next: { readonly round: number; readonly settings: Settings } | null = null;
  /** The last round that was given up: what still waits to be loaded for it is not. */
  #givenUp = 0;
  #work: Promise<void> = Promise.resolve();

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#current = options.settings;
  }

  get current(): Settings {
    return this.#current;
  }

  prepare(round: number, settings: Settings): void {
    this.#then(async () => {
      const problem = round <= this.#givenUp ? 'it was given up' : await this.#load(settings);
      if (problem === null) this.#next = { round, settings };
      this.#options.onPrepared(round, problem);
    });
  }

  commit(round: number): void {
    this.#then(async () => {
      if (this.#next?.round !== round) return;
      // All at once: no request finds one without the other.
      this.#current = this.#next.settings;
      this.#next = null;
      const answered = this.#options.detector.commit();
      this.#options.onSwitched(round);
      await settlesIn(answered, this.#options.maxWaitMs);
      this.#options.onCommitted(round);
    });
  }

  abort(round: number): void {
    this.#givenUp = round;
    // At once: who still loads is not stuck.
    this.#options.onAborting(round);
    this.#then(async () => {
      if (this.#next?.round !== round) return;
      this.#next = null;
      await this.#options.detector.discard();
    });
  }

  /** Gives what is wrong; null: it is ready to serve. */
  async #load(settings: Settings): Promise<string | null> {
    const { detector, startTimeoutMs, log } = this.#options;
    if (settings.fingerprint === detector.model.fingerprint) return null;
    const start = performance.now();
    try {
      const { fingerprint, name } = await detector.prepare(settings);
      const ms = Math.round(performance.now() - start);
      log.debug({ model: name, ms }, 'loaded the next model');
      const isProved = settings.fingerprint === null || fingerprint === settings.fingerprint;
      if (isProved && ms <= startTimeoutMs) return null;
      await detector.discard();
      if (!isProved) return `${name} is not what was proved: its file has changed`;
      return `a worker took ${ms} ms to load ${name}; it would not come up after a restart unless cluster.start_timeout_ms is raised`;
    } catch (error) {
      return describeError(error);
    }
  }

  #then(work: () => Promise<void>): void {
    this.#work = this.#work.then(work);
  }
}
