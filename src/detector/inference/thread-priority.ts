// When a thread that infers has its turn where every core is busy: while it judges after the event loops, while it loads a
// model after those that judge. On Linux each thread has a niceness of its own, which those that it starts inherit; elsewhere
// it is the process's, and nothing happens.
import { readlinkSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';
import { basename } from 'node:path';

const niceMax = constants.priority.PRIORITY_LOW;

/** A thread of this process that stands behind those that judge. */
export interface Behind {
  /** Its number in the system. */
  readonly thread: number;
  /** The niceness that it has when it judges. */
  readonly judging: number;
}

export class ThreadPriority {
  readonly #judging: number;
  readonly #loading: number;

  /**
   * Of the thread that calls; steps back by `niceness`, 0 to 19, at once. `helpers`: threads that loading starts, which
   * would stay as far behind as it was then; with any, loading has the priority of judging.
   */
  constructor(niceness: number, helpers: number) {
    const current = getPriority();
    this.#judging = Math.min(current + niceness, niceMax);
    this.#set(this.#judging);
    // Halfway to the end: where judging never pauses loading still gets a part of a core.
    this.#loading =
      helpers === 0 && this.#mayComeForward(current)
        ? Math.ceil((this.#judging + niceMax) / 2)
        : this.#judging;
  }

  /** Gives what `comeForward` needs; null where it loads as it judges. */
  load(): Behind | null {
    if (this.#loading === this.#judging) return null;
    this.#set(this.#loading);
    return { thread: Number(basename(readlinkSync('/proc/thread-self'))), judging: this.#judging };
  }

  judge(): void {
    this.#set(this.#judging);
  }

  /** Whether the thread may go back to where it was: most systems allow that to administrators, or by a limit (RLIMIT_NICE). */
  #mayComeForward(before: number): boolean {
    if (process.platform !== 'linux' || before === this.#judging) return false;
    try {
      this.#set(before);
    } catch {
      return false;
    }
    this.#set(this.#judging);
    return true;
  }

  #set(niceness: number): void {
    if (process.platform === 'linux' && niceness !== getPriority()) setPriority(niceness);
  }
}

/** Lets a thread that loads take its turn among those that judge, while it cannot do so itself. */
export function comeForward({ thread, judging }: Behind): void {
  try {
    setPriority(thread, judging);
  } catch {
    // It has ended meanwhile; it was let come forward before, so nothing else forbids it.
  }
}
