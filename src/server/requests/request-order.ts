// The order of one peer's requests: replies leave in the order in which requests came, whatever is done first; a
// barrier waits for all before it, and all behind it wait for the barrier. What may start is decided here, and nothing
// else: it knows neither commands nor bytes.
import type { CommandOrder } from '../../handlers/command.js';
import { takeFirst } from '../../take-first.js';

/** A request, or a refusal, in the order of replies. */
export interface Place {
  readonly order: CommandOrder | 'refusal';
  reply: Buffer | null;
}

export interface StartRules<P extends Place> {
  /** Whether anything may be started now. */
  mayStart(): boolean;
  /** Whether one may be started for whose reply another one has to wait. */
  mayStartBehind(): boolean;
  /** How many may be started and not answered; the first in the order always may start. */
  readonly maxStarted: number;
  /** Whether there is room for this classification; those behind it wait with it. */
  hasRoom(place: P): boolean;
  start(place: P): void;
}

export class RequestOrder<P extends Place> {
  readonly #rules: StartRules<P>;
  /** Not answered, in the order of requests. */
  readonly #places: P[] = [];
  /** Those that may start as soon as there is room, each kind in order. */
  readonly #classifications: P[] = [];
  readonly #reads: P[] = [];
  /** The barrier that is not answered yet, and what came behind it. */
  #barrier: P | null = null;
  #barrierStarted = false;
  #behind: P[] = [];
  #runningReads = 0;

  constructor(rules: StartRules<P>) {
    this.#rules = rules;
  }

  /** Places that are not answered, refusals that wait for their turn included. */
  get length(): number {
    return this.#places.length;
  }

  /** Whether a barrier stands before what comes next. */
  get hasBarrier(): boolean {
    return this.#barrier !== null;
  }

  /** Whether as many as allowed are started and not answered. */
  get isFull(): boolean {
    const waiting = this.#classifications.length + this.#reads.length + this.#behind.length;
    return this.#places.length - waiting >= this.#rules.maxStarted;
  }

  /** Every place that is not answered, in order. */
  [Symbol.iterator](): Iterator<P> {
    return this.#places.values();
  }

  add(place: P): void {
    this.#places.push(place);
    if (place.order === 'stop') this.#rules.start(place);
    else if (place.order !== 'refusal') this.#line(place);
    this.startWaiting();
  }

  /** The next place whose reply is due, taken out; undefined where the first one has none. */
  takeAnswered(): P | undefined {
    const first = this.#places[0];
    if (first === undefined || first.reply === null) return undefined;
    takeFirst(this.#places);
    if (first === this.#barrier) this.#lift();
    return first;
  }

  /** Says that a started read has its reply. */
  readDone(): void {
    this.#runningReads--;
  }

  clear(): void {
    for (const list of [this.#places, this.#classifications, this.#reads, this.#behind]) list.length = 0;
    this.#barrier = null;
  }

  /** Starts what may start: reads one at a time, classifications side by side, a barrier alone. */
  startWaiting(): void {
    if (this.#barrier !== null && !this.#barrierStarted && this.#barrier === this.#places[0]) {
      if (!this.#rules.mayStart()) return;
      this.#barrierStarted = true;
      this.#rules.start(this.#barrier);
      return;
    }
    this.#startFrom(
      this.#reads,
      () => this.#runningReads === 0,
      () => this.#runningReads++,
    );
    this.#startFrom(
      this.#classifications,
      (place) => this.#rules.hasRoom(place),
      () => undefined,
    );
  }

  #startFrom(waiting: P[], may: (place: P) => boolean, onStart: () => void): void {
    for (;;) {
      const place = waiting[0];
      if (place === undefined || !this.#rules.mayStart() || !may(place)) return;
      if (place !== this.#places[0] && (this.isFull || !this.#rules.mayStartBehind())) return;
      takeFirst(waiting);
      onStart();
      this.#rules.start(place);
    }
  }

  #line(place: P): void {
    if (this.#barrier !== null) this.#behind.push(place);
    else if (place.order === 'barrier') {
      this.#barrier = place;
      this.#barrierStarted = false;
    } else if (place.order === 'read') this.#reads.push(place);
    else this.#classifications.push(place);
  }

  /** The barrier is answered: what came behind it comes into line, up to the next one. */
  #lift(): void {
    this.#barrier = null;
    const behind = this.#behind;
    this.#behind = [];
    for (const place of behind) this.#line(place);
  }
}
