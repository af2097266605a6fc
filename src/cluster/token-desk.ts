// Where the primary looks at the tokens that clients have shown to its workers. They are looked at in one place for the whole
// host, the admin HTTP included: else whoever guesses would have as many attempts as there are workers, and new ones with each
// that is replaced.
import { BusyError } from '../errors.js';
import type { Authenticator } from '../server/authenticator.js';
import type { TokenAnswer, TokenShown } from './messages.js';

export class TokenDesk {
  readonly #authenticator: Pick<Authenticator, 'checkHash'>;
  /** Of each worker the questions whose clients still wait. */
  readonly #waiting = new Map<string, Set<number>>();

  constructor(authenticator: Pick<Authenticator, 'checkHash'>) {
    this.#authenticator = authenticator;
  }

  /** From now on the worker may ask. */
  addWorker(workerId: string): void {
    this.#waiting.set(workerId, new Set());
  }

  /** It has ended, and its clients with it: what they have shown is not looked at any more. */
  removeWorker(workerId: string): void {
    this.#waiting.get(workerId)?.clear();
    this.#waiting.delete(workerId);
  }

  /** What the token gives; late where it is wrong. */
  async look(workerId: string, { id, hash, address }: TokenShown): Promise<TokenAnswer> {
    const waiting = this.#waiting.get(workerId);
    waiting?.add(id);
    const isGone = () => waiting?.has(id) !== true;
    try {
      const grant = await this.#authenticator.checkHash(Buffer.from(hash, 'hex'), address, isGone);
      return { id, grant, busy: null };
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
      return { id, grant: null, busy: error.message };
    } finally {
      waiting?.delete(id);
    }
  }

  /** Those who have shown these are gone. */
  withdraw(workerId: string, ids: readonly number[]): void {
    for (const id of ids) this.#waiting.get(workerId)?.delete(id);
  }
}
