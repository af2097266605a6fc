import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { kickAnswers, type KickOutcome } from '#src/connections/kick.js';
import { Inquiry } from '#src/connections/redis/inquiry.js';

const a = ['a/1.x.1', 'a/1.x.2'];
const inquiryOf = (...hosts: readonly (readonly [host: string, ids: readonly string[]])[]) =>
  new Inquiry(new Map(hosts));
const replyOf = (host: string, ids: readonly string[], outcome: KickOutcome) => ({
  host,
  answers: kickAnswers(ids, () => outcome),
});
const outcomes = (inquiry: Inquiry) => [...inquiry.outcomes.values()];

describe('of the peers of another host it is known', () => {
  test('that nobody can be reached, before they are asked for', () => {
    assert.deepEqual(outcomes(inquiryOf(['a', a])), ['owner unreachable', 'owner unreachable']);
  });

  test('nothing, where it may have been asked', () => {
    const inquiry = inquiryOf(['a', a]);
    inquiry.sending();
    assert.deepEqual(outcomes(inquiry), ['no answer', 'no answer']);
    assert.equal(inquiry.isSettled, false);
    inquiry.sent('a', 1);
    assert.deepEqual(outcomes(inquiry), ['no answer', 'no answer']);
    assert.equal(inquiry.isSettled, false);
  });

  test('that nobody can be reached, where nobody listened', () => {
    const inquiry = inquiryOf(['a', a]);
    inquiry.sending();
    inquiry.sent('a', 0);
    assert.deepEqual(outcomes(inquiry), ['owner unreachable', 'owner unreachable']);
    assert.equal(inquiry.isSettled, true);
  });

  test('what the host says', () => {
    const inquiry = inquiryOf(['a', [...a, 'a/1.x.3']], ['b', ['b/1.x.1']]);
    inquiry.sending();
    inquiry.sent('a', 1);
    inquiry.sent('b', 1);
    const [first = '', second = ''] = a;
    inquiry.take({
      host: 'a',
      answers: [
        { id: first, outcome: 'kicked' },
        { id: second, outcome: 'not found' },
        { id: 'a/1.x.3', outcome: 'no answer' },
        { id: 'b/1.x.1', outcome: 'kicked' },
      ],
    });
    assert.deepEqual(outcomes(inquiry), ['kicked', 'not found', 'no answer', 'no answer']);
    assert.equal(inquiry.isSettled, false, 'the other host has not answered');
    inquiry.take(replyOf('nobody', ['b/1.x.1'], 'kicked'));
    assert.equal(inquiry.isSettled, false);
    inquiry.take(replyOf('b', ['b/1.x.1'], 'not found'));
    assert.equal(inquiry.isSettled, true);
    assert.deepEqual(outcomes(inquiry), ['kicked', 'not found', 'no answer', 'not found']);
  });

  test('of a host with two primaries what both say, and "kicked" from the first that had it', () => {
    const inquiry = inquiryOf(['a', a]);
    inquiry.sending();
    inquiry.sent('a', 2);
    inquiry.take(replyOf('a', a, 'not found'));
    assert.deepEqual(outcomes(inquiry), ['no answer', 'no answer']);
    assert.equal(inquiry.isSettled, false);
    inquiry.take(replyOf('a', a.slice(0, 1), 'kicked'));
    assert.deepEqual(outcomes(inquiry), ['kicked', 'not found']);
    assert.equal(inquiry.isSettled, true);
  });
});

test('in whichever order hosts answer, what becomes known is the same', () => {
  const outcome = fc.constantFrom<KickOutcome>('kicked', 'not found', 'no answer');
  const reply = fc.tuple(fc.constantFrom('a', 'b'), outcome, outcome);
  fc.assert(
    fc.property(
      fc.array(reply, { maxLength: 6 }),
      fc.nat(3),
      fc.func(fc.integer()),
      (replies, receivers, rank) => {
        const after = (list: typeof replies) => {
          const inquiry = inquiryOf(['a', ['a/1', 'a/2']], ['b', ['b/1', 'b/2']]);
          inquiry.sending();
          for (const host of ['a', 'b']) inquiry.sent(host, receivers);
          for (const [host, first, second] of list) {
            const answers = [
              { id: `${host}/1`, outcome: first },
              { id: `${host}/2`, outcome: second },
            ];
            inquiry.take({ host, answers });
          }
          return [outcomes(inquiry), inquiry.isSettled];
        };
        const shuffled = [...replies.entries()].sort(([i], [j]) => rank(i) - rank(j)).map(([, each]) => each);
        assert.deepEqual(after(shuffled), after(replies));
      },
    ),
  );
});
