// The turns of all peers of a worker in its event loop. Together they have so long in each of its rounds, however many they
// are; then new connections, messages of the primary and timers have their turn. Who has more to do than fits waits, in the
// order in which they came, and behind those who have little to do.

/** Of all peers together, in one round of the event loop. */
const roundMs = 5;

/** Of that, kept for those who have much to do: many who have little must not hold them up for ever. */
const keptMs = 2;

/** So many turns of those with little to do come after each other: with short ones the time kept for the others never comes. */
const briefInARowMax = 8;

/** Of one peer where nobody waits, and where many do. */
const turnMaxMs = 5;
const turnMinMs = 1;

/** Peers that are called in one round. In its time hardly more have a turn that is worth having. */
const callsMax = 32;

/** A peer that has used up its turn counts as one that has much to do for so many rounds. */
const busyRounds = 50;

/** Of one peer, as far as those of all must know. */
interface Waiting {
  /** Its next turn has come. */
  begin(): void;
}

export class Turns {
  /** Those who wait for their next turn, in order. */
  readonly #brief = new Set<Waiting>();
  readonly #busy = new Set<Waiting>();
  #briefInARow = 0;
  /** Which round this is; what is asked within one shares its time. */
  #round = 0;
  #isOpen = false;
  #openedAt = 0;
  #calls = 0;
  /** Who has asked last, and when: the time until it asks again is its own. */
  #asker: Waiting | null = null;
  #askedAt = 0;

  /** The number of this round. Asking begins one. */
  roundAt(nowMs: number): number {
    if (!this.#isOpen) {
      this.#isOpen = true;
      this.#openedAt = nowMs;
      // Set before all calls of this round, and so the first of what follows.
      setImmediate(this.#next);
    }
    return this.#round;
  }

  /** How long `asker` has been at work since it asked last, in milliseconds; 0 where others have been meanwhile. */
  workedMs(asker: Waiting, nowMs: number): number {
    const ms = this.#asker === asker ? nowMs - this.#askedAt : 0;
    this.#asker = asker;
    this.#askedAt = nowMs;
    return ms;
  }

  /** Whether this round has any time left. */
  hasTime(nowMs: number): boolean {
    return nowMs - this.#openedAt < roundMs;
  }

  /** How long one peer may take now. */
  get turnMs(): number {
    const sharing = 1 + this.#brief.size + this.#busy.size;
    return Math.max(turnMinMs, Math.min(turnMaxMs, roundMs / sharing));
  }

  /** Waits for its next turn. `busyUntil`: until this round it counts as one that has much to do. */
  wait(waiting: Waiting, busyUntil: number): void {
    (this.#round < busyUntil ? this.#busy : this.#brief).add(waiting);
    this.#callSoon();
  }

  /** Waits no more. */
  leave(waiting: Waiting): void {
    this.#brief.delete(waiting);
    this.#busy.delete(waiting);
    if (this.#asker === waiting) this.#asker = null;
  }

  /** The event loop has come round. */
  readonly #next = (): void => {
    this.#round++;
    this.#asker = null;
    this.#isOpen = false;
    if (this.#brief.size + this.#busy.size > 0) this.roundAt(performance.now());
  };

  /** Each in a call of its own: what it has begun goes on right behind that, before the next one's. */
  #callSoon(): void {
    if (this.#calls >= Math.min(callsMax, this.#brief.size + this.#busy.size)) return;
    this.#calls++;
    setImmediate(this.#call);
  }

  readonly #call = (): void => {
    this.#calls--;
    const usedMs = performance.now() - this.#openedAt;
    if (usedMs < roundMs) this.#take(usedMs)?.begin();
    this.#callSoon();
  };

  #take(usedMs: number): Waiting | null {
    const hasWaited = usedMs >= roundMs - keptMs || this.#briefInARow >= briefInARowMax;
    const isBusysTurn = this.#brief.size === 0 || (this.#busy.size > 0 && hasWaited);
    this.#briefInARow = isBusysTurn ? 0 : this.#briefInARow + 1;
    const queue = isBusysTurn ? this.#busy : this.#brief;
    for (const first of queue) {
      queue.delete(first);
      return first;
    }
    return null;
  }
}

/** The round until which one counts as busy that has used up its turn in `round`. */
export function busyUntil(round: number): number {
  return round + busyRounds;
}
