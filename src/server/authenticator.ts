// Looks at tokens, and slows down who guesses. Wrong ones are answered late, later with each one from the same network; and
// while one of them waits for its answer, no other from there is looked at, right or wrong: else whoever guesses would
// take a new connection instead of waiting, and silence alone would tell him that he was wrong. Where none waits, right ones
// are answered at once, however many come.
import { BusyError } from '../errors.js';
import type { Logger } from '../log.js';
import { grantOf, tokenHash, type Grant, type KnownToken } from './gate.js';
import { CountedLog } from './counted-log.js';

export interface AuthenticatorOptions {
  readonly tokens: readonly KnownToken[];
  /** How late the first wrong token is answered; the next ones twice as late each. */
  readonly delayMs: number;
  /** Whom an address stands for: who has a whole network could come from a new address each time. */
  readonly networkOf: (address: string) => string;
  readonly log: Logger;
}

/** Long enough to make guessing hopeless, short enough for a person who has mended a mistake. */
const delayMaxMs = 30_000;

/**
 * Within so long everybody has an answer, so that clients need not guess how many wait before them; more than the longest
 * delay, so that whoever comes honestly behind one wrong token gets what it is due.
 */
const answerMaxMs = 40_000;

/** Tokens of one network that wait at a time: whoever comes honestly beside somebody who guesses waits for these at most. */
const waitingMax = 4;

/** A network that has shown no wrong token for so long begins anew. */
const forgetMs = 15 * 60_000;

/** Networks that are remembered, some hundred bytes each; beyond it the one that failed longest ago is forgotten. */
const networksMax = 10_000;

/** A token that somebody has shown. */
interface Shown {
  readonly hash: Uint8Array;
  readonly address: string;
  readonly network: string;
  /** By the clock of `performance`. */
  readonly sinceMs: number;
  readonly isGone: () => boolean;
  readonly answer: (grant: Grant | null) => void;
  readonly refuse: (error: BusyError) => void;
}

interface Attempts {
  failures: number;
  /** By the clock of `performance`. */
  lastFailureMs: number;
  /** While the delay of a wrong one runs, nothing else is looked at. */
  isHeld: boolean;
  /** Those that wait for their turn, each with what ends its waiting. */
  readonly queue: Map<Shown, () => void>;
}

/** Who looks at tokens, or has them looked at. */
export type TokenCheck = Pick<Authenticator, 'check'>;

export class Authenticator {
  readonly #options: AuthenticatorOptions;
  /** Of networks that have shown wrong tokens; the one that failed last at the end. */
  readonly #attempts = new Map<string, Attempts>();
  readonly #refusals: CountedLog;
  /** What ends the waiting of those that wait. */
  readonly #waits = new Set<() => void>();
  #isClosed = false;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#refusals = new CountedLog(options.log, 'a token was refused', 'times');
  }

  /** Whether any token is a right one. */
  get knowsTokens(): boolean {
    return this.#options.tokens.length > 0;
  }

  /**
   * What `token` gives to somebody at `address`; null, and late, where it is none of ours. `isGone`: nobody waits for the
   * answer any more, and it need not be looked at. Throws BusyError where too many wait, or its turn does not come in time.
   */
  check(token: string, address: string, isGone: () => boolean): Promise<Grant | null> {
    return this.checkHash(tokenHash(token), address, isGone);
  }

  /** The same of a token of which only the hash is known here. */
  async checkHash(hash: Uint8Array, address: string, isGone: () => boolean): Promise<Grant | null> {
    // Nothing can be guessed: clients that show one to every server are not held up.
    if (!this.knowsTokens) {
      this.#refusals.warn({ address, reason: 'none is configured (security.tokens)' });
      return null;
    }
    const network = this.#options.networkOf(address);
    return new Promise((answer, refuse) => {
      this.#take({ hash, address, network, sinceMs: performance.now(), isGone, answer, refuse });
    });
  }

  /** The server stops: nobody waits any longer. */
  close(): void {
    this.#isClosed = true;
    for (const end of this.#waits) end();
  }

  #take(shown: Shown): void {
    const attempts = this.#attemptsOf(shown.network);
    if (!attempts.isHeld) this.#look(shown, attempts);
    // The one whose delay runs is one of them.
    else if (attempts.queue.size >= waitingMax - 1) shown.refuse(tooMany());
    else {
      const endWait = this.#after(answerMaxMs, () => {
        // Where the server stops its turn comes at once.
        if (!this.#isClosed && attempts.queue.delete(shown)) shown.refuse(tooMany());
      });
      attempts.queue.set(shown, endWait);
    }
  }

  /** A right one is answered at once; a wrong one late, and it holds up the others for its whole delay. */
  #look(shown: Shown, attempts: Attempts): void {
    const { hash, address, network, sinceMs } = shown;
    // Without waits it would be the time to guess.
    if (this.#isClosed && attempts.failures > 0) {
      shown.refuse(new BusyError('the server is stopping; try again later'));
      return;
    }
    const grant = grantOf(hash, this.#options.tokens);
    if (grant !== null) {
      shown.answer(grant);
      return;
    }
    const nowMs = performance.now();
    if (nowMs - attempts.lastFailureMs > forgetMs) attempts.failures = 0;
    attempts.failures++;
    attempts.lastFailureMs = nowMs;
    attempts.isHeld = true;
    this.#remember(network, attempts);
    this.#refusals.warn({ address, reason: 'a wrong one' });
    const delayMs = Math.min(delayMaxMs, this.#options.delayMs * 2 ** (attempts.failures - 1));
    this.#after(Math.min(delayMs, sinceMs + answerMaxMs - nowMs), () => {
      shown.answer(null);
    });
    this.#after(delayMs, () => {
      attempts.isHeld = false;
      this.#lookAtNext(attempts);
    });
  }

  /** Up to the next wrong one. */
  #lookAtNext(attempts: Attempts): void {
    for (const [shown, endWait] of attempts.queue) {
      if (attempts.isHeld) return;
      attempts.queue.delete(shown);
      endWait();
      if (shown.isGone()) shown.answer(null);
      else this.#look(shown, attempts);
    }
  }

  /** Those of a network that has shown no wrong one are not remembered. */
  #attemptsOf(network: string): Attempts {
    return this.#attempts.get(network) ?? { failures: 0, lastFailureMs: 0, isHeld: false, queue: new Map() };
  }

  /** At the end, as the one that failed last. */
  #remember(network: string, attempts: Attempts): void {
    this.#attempts.delete(network);
    this.#attempts.set(network, attempts);
    if (this.#attempts.size <= networksMax) return;
    for (const [oldest, { isHeld }] of this.#attempts) {
      if (isHeld) continue;
      this.#attempts.delete(oldest);
      return;
    }
  }

  /** Calls `then` after so long, or when the server stops; gives what keeps it from that. */
  #after(ms: number, then: () => void): () => void {
    const stop = () => {
      clearTimeout(timer);
      this.#waits.delete(end);
    };
    const end = () => {
      stop();
      then();
    };
    const timer = setTimeout(end, this.#isClosed ? 0 : ms);
    this.#waits.add(end);
    return stop;
  }
}

function tooMany(): BusyError {
  return new BusyError('too many tokens from this address wait to be looked at; try again later');
}
