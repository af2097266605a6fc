// Files that are read anew where they have changed, in whichever way: written over, renamed into place, a link that points
// elsewhere.
import { statSync, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { shortReason, StartupError } from '../../errors.js';

export interface WatchedFilesOptions {
  readonly paths: readonly string[];
  /** Reads them and takes what they hold. Rejects with StartupError where that cannot be used; then it is tried again at each look. */
  readonly read: () => Promise<void>;
  /** They cannot be used; told once for each state that they are in. */
  readonly onTrouble: (error: StartupError) => void;
  /** A look has taken `lookTimeoutMs`. There is no other until it has ended: each would take one thread more. */
  readonly onHanging: () => void;
}

export const lookTimeoutMs = 5_000;

export class WatchedFiles {
  readonly #options: WatchedFilesOptions;
  /** The state of the files that were read; '' where what is in use may be of others. */
  #readState: string;
  /** At the last look, where it was another one. */
  #newState = '';
  /** Of files that cannot be used, what has been told. */
  #toldState = '';
  #isLooking = false;

  /** To be made before the files are read for the first time: what changes meanwhile is read again. */
  constructor(options: WatchedFilesOptions) {
    this.#options = options;
    this.#readState = options.paths
      .map((path) => stateOf(statSync(path, { throwIfNoEntry: false })))
      .join(' ');
  }

  /** What is in use of them does not come from them: they are read at the next looks. */
  distrust(): void {
    this.#readState = '';
  }

  /** They are read once they have stayed the same from one look to the next: certificate and key come one after the other. */
  async look(): Promise<void> {
    // Where they lie on a share that hangs, one look that waits is enough.
    if (this.#isLooking) return;
    this.#isLooking = true;
    const timer = setTimeout(this.#options.onHanging, lookTimeoutMs).unref();
    try {
      // One after the other: a share that hangs takes one thread of the pool, which others need as well.
      const states: string[] = [];
      for (const path of this.#options.paths) states.push(stateOf(await stat(path).catch(() => undefined)));
      const state = states.join(' ');
      const isSettled = state === this.#newState;
      this.#newState = state;
      if (state !== this.#readState && isSettled) await this.#read(state);
    } finally {
      clearTimeout(timer);
      this.#isLooking = false;
    }
  }

  async #read(state: string): Promise<void> {
    try {
      await this.#options.read();
      this.#readState = state;
      this.#toldState = '';
    } catch (error) {
      // Whatever a file holds, it ends nobody who serves.
      const trouble =
        error instanceof StartupError
          ? error
          : new StartupError(
              `${this.#options.paths.join(' and ')} cannot be used (${shortReason(error)})`,
              'make or copy them anew',
            );
      // Where the old files come back they are read again: of a pair, one may have been.
      this.#readState = '';
      if (this.#toldState !== state) this.#options.onTrouble(trouble);
      this.#toldState = state;
    }
  }
}

/** What changes with a file, even where its size and its time are set back. */
function stateOf(stats: Stats | undefined): string {
  return stats === undefined
    ? 'none'
    : [stats.dev, stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs].join(':');
}
