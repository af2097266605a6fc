// Looks at tokens, and slows down who guesses. Wrong ones are answered late, later with each one from the same network; and
// while one of them waits for its answer, no other from there is looked at, right or wrong: else whoever guesses would
// take a new connection instead of waiting, and silence alone would tell him that he was wrong.
import { BusyError } from '../errors.js';
import type { Logger } from '../log.js';
import { grantOf, type Grant, type KnownToken } from './gate.js';
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

/** Tokens of one network that wait at a time: whoever comes honestly beside somebody who guesses waits for these at most. */
const waitingMax = 4;

/** A network that has shown no wrong token for so long begins anew. */
const forgetMs = 15 * 60_000;

/** Networks that are remembered, some hundred bytes each; beyond it the one that failed longest ago is forgotten. */
const networksMax = 10_000;

interface Attempts {
  failures: number;
  /** By the clock of `performance`. */
  lastFailureMs: number;
  /** Those that wait for their turn, or for their late answer. */
  waiting: number;
  /** Resolves when the next one may be looked at. */
  turn: Promise<void>;
}

export class Authenticator {
  readonly #options: AuthenticatorOptions;
  /** Of networks that have shown wrong tokens, or show one now; the one that failed last at the end. */
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
   * answer any more, and it need not be looked at. Throws BusyError where too many wait.
   */
  async check(token: string, address: string, isGone: () => boolean): Promise<Grant | null> {
    // Nothing can be guessed: clients that show one to every server are not held up.
    if (!this.knowsTokens) {
      this.#refusals.warn({ address, reason: 'none is configured (security.tokens)' });
      return null;
    }
    const network = this.#options.networkOf(address);
    const attempts = this.#attemptsOf(network);
    if (attempts.waiting >= waitingMax) {
      throw new BusyError('too many tokens from this address wait to be looked at; try again later');
    }
    attempts.waiting++;
    const answer = attempts.turn.then(() => (isGone() ? null : this.#look(token, address, attempts)));
    attempts.turn = answer.then(ignore, ignore);
    try {
      return await answer;
    } finally {
      attempts.waiting--;
      this.#keepOrForget(network, attempts);
    }
  }

  /** The server stops: nobody waits any longer. */
  close(): void {
    this.#isClosed = true;
    for (const end of this.#waits) end();
  }

  /** Throws BusyError. */
  async #look(token: string, address: string, attempts: Attempts): Promise<Grant | null> {
    // Without waits it would be the time to guess.
    if (this.#isClosed && attempts.failures > 0)
      throw new BusyError('the server is stopping; try again later');
    const grant = grantOf(token, this.#options.tokens);
    if (grant !== null) return grant;
    const nowMs = performance.now();
    if (nowMs - attempts.lastFailureMs > forgetMs) attempts.failures = 0;
    attempts.failures++;
    attempts.lastFailureMs = nowMs;
    this.#refusals.warn({ address, reason: 'a wrong one' });
    await this.#wait(Math.min(delayMaxMs, this.#options.delayMs * 2 ** (attempts.failures - 1)));
    return null;
  }

  #attemptsOf(network: string): Attempts {
    const known = this.#attempts.get(network);
    if (known !== undefined) return known;
    const attempts = { failures: 0, lastFailureMs: 0, waiting: 0, turn: Promise.resolve() };
    this.#attempts.set(network, attempts);
    return attempts;
  }

  #keepOrForget(network: string, attempts: Attempts): void {
    if (attempts.waiting > 0) return;
    // Anew at the end.
    this.#attempts.delete(network);
    if (attempts.failures > 0) this.#attempts.set(network, attempts);
    if (this.#attempts.size <= networksMax) return;
    for (const [oldest, { waiting }] of this.#attempts) {
      if (waiting > 0) continue;
      this.#attempts.delete(oldest);
      return;
    }
  }

  #wait(ms: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#waits.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      this.#waits.add(end);
    });
  }
}

function ignore(): void {
  // Whoever asked is told of it.
}
