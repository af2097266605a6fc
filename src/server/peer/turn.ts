// The turn of one peer in the event loop. Only so long may it keep the others waiting; how long, those of all say (turns.ts).
import { busyUntil, type Turns } from './turns.js';

export class Turn {
  readonly #turns: Turns;
  readonly #onNext: () => void;
  /** The round of its last turn, and how long it has worked in it. */
  #round = -1;
  #workedMs = 0;
  #busyUntil = 0;
  #isWaiting = false;

  /** `onNext` is called when a turn that was cut short may go on. */
  constructor(turns: Turns, onNext: () => void) {
    this.#turns = turns;
    this.#onNext = onNext;
  }

  /** False once this turn has been long enough, or all of this round have; asking begins one. */
  get goesOn(): boolean {
    if (this.#isWaiting) return false;
    const nowMs = performance.now();
    const round = this.#turns.roundAt(nowMs);
    if (this.#round !== round) this.#workedMs = 0;
    this.#round = round;
    this.#workedMs += this.#turns.workedMs(this, nowMs);
    const isUsedUp = this.#workedMs >= this.#turns.turnMs;
    if (!isUsedUp && this.#turns.hasTime(nowMs)) return true;
    if (isUsedUp) this.#busyUntil = busyUntil(round);
    this.#isWaiting = true;
    this.#turns.wait(this, this.#busyUntil);
    return false;
  }

  /** Whether its next turn is still to come. */
  get isWaiting(): boolean {
    return this.#isWaiting;
  }

  /** The peer is gone: it has no more turns. */
  end(): void {
    this.#turns.leave(this);
    this.#isWaiting = true;
  }

  /** The next one has come. */
  begin(): void {
    this.#isWaiting = false;
    this.#workedMs = 0;
    this.#onNext();
  }
}
