// A worker's way to the one place of the host where tokens are looked at. Only their hashes go there.
import { BusyError } from '../errors.js';
import { tokenHash, type Grant } from '../server/gate.js';
import type { TokenCheck } from '../server/authenticator.js';
import type { TokenAnswer } from './messages.js';

export interface TokenChannel {
  /** Asks the primary; `answer` resolves to null where that is gone. */
  askToken(
    hash: string,
    address: string,
  ): { readonly id: number; readonly answer: Promise<TokenAnswer | null> };
  /** Nobody waits for these answers any more. */
  withdrawTokens(ids: readonly number[]): void;
}

/** So often it is looked who of those that wait has gone. Their turn comes after a second or more. */
const lookIntervalMs = 500;

export class PrimaryTokens implements TokenCheck {
  readonly #channel: TokenChannel;
  /** Those that wait for an answer: whether their client is gone. */
  readonly #waiting = new Map<number, () => boolean>();
  #timer: NodeJS.Timeout | null = null;

  constructor(channel: TokenChannel) {
    this.#channel = channel;
  }

  async check(token: string, address: string, isGone: () => boolean): Promise<Grant | null> {
    const hash = Buffer.from(tokenHash(token)).toString('hex');
    const { id, answer } = this.#channel.askToken(hash, address);
    this.#waiting.set(id, isGone);
    this.#timer ??= setTimeout(() => {
      this.#withdraw();
    }, lookIntervalMs).unref();
    const given = await answer;
    this.#waiting.delete(id);
    if (given === null) throw new BusyError('the server is being restarted; try again later');
    if (given.busy !== null) throw new BusyError(given.busy);
    return given.grant;
  }

  #withdraw(): void {
    this.#timer = null;
    const gone = [...this.#waiting].filter(([, isGone]) => isGone()).map(([id]) => id);
    for (const id of gone) this.#waiting.delete(id);
    if (gone.length > 0) this.#channel.withdrawTokens(gone);
    if (this.#waiting.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#withdraw();
    }, lookIntervalMs).unref();
  }
}
