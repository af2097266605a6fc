// A worker has tokens looked at by its primary: only hashes go there, and who is gone is told.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { TokenAnswer } from '#src/cluster/messages.js';
import { PrimaryTokens, type TokenChannel } from '#src/cluster/primary-tokens.js';
import { BusyError } from '#src/errors.js';
import { sha256, tokens } from '../support/tokens.js';

type Answer = Omit<TokenAnswer, 'id'> | null;

/** Keeps what is asked, and answers when a test says so. */
class Channel implements TokenChannel {
  readonly asked: (readonly [hash: string, address: string])[] = [];
  readonly withdrawn: number[] = [];
  readonly #answers = new Map<number, (answer: TokenAnswer | null) => void>();

  askToken(hash: string, address: string) {
    const id = this.asked.push([hash, address]);
    const answer = new Promise<TokenAnswer | null>((resolve) => this.#answers.set(id, resolve));
    return { id, answer };
  }
  withdrawTokens(ids: readonly number[]): void {
    this.withdrawn.push(...ids);
  }
  answer(id: number, answer: Answer): void {
    this.#answers.get(id)?.(answer && { id, ...answer });
  }
}

const here = () => false;

describe('a worker that is shown a token', () => {
  test('asks with its hash, and passes on what the primary says', async () => {
    const channel = new Channel();
    const check = new PrimaryTokens(channel);
    const grant = { name: 'line-1', role: 'operator' } as const;
    const given = [check.check(tokens.operator, '192.0.2.7', here), check.check('x', '192.0.2.8', here)];
    assert.deepEqual(channel.asked, [
      [sha256(tokens.operator), '192.0.2.7'],
      [sha256('x'), '192.0.2.8'],
    ]);
    channel.answer(2, { grant: null, busy: null });
    channel.answer(1, { grant, busy: null });
    assert.deepEqual(await Promise.all(given), [grant, null]);
  });

  test('is busy where the primary says so, and where it is gone', async () => {
    const channel = new Channel();
    const check = new PrimaryTokens(channel);
    const given = [check.check('x', '192.0.2.7', here), check.check('y', '192.0.2.7', here)];
    const ended = Promise.allSettled(given);
    channel.answer(1, { grant: null, busy: 'too many wait' });
    channel.answer(2, null);
    const reasons = (await ended).map((each) =>
      each.status === 'rejected' ? (each.reason as unknown) : null,
    );
    assert.ok(reasons.every((reason) => reason instanceof BusyError));
    assert.deepEqual(
      reasons.map((reason) => (reason instanceof Error ? reason.message : '')),
      ['too many wait', 'the server is being restarted; try again later'],
    );
  });

  test('withdraws it once its client is gone, and no other', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const channel = new Channel();
    const check = new PrimaryTokens(channel);
    let isGone = false;
    void check.check('x', '192.0.2.7', () => isGone);
    void check.check('y', '192.0.2.7', here);
    t.mock.timers.tick(1_000);
    assert.deepEqual(channel.withdrawn, []);
    isGone = true;
    t.mock.timers.tick(1_000);
    assert.deepEqual(channel.withdrawn, [1]);
    t.mock.timers.tick(5_000);
    assert.deepEqual(channel.withdrawn, [1], 'it is told once');
  });
});
