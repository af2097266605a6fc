// How often something that is away is looked at.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { LookAgain } from '#src/connections/look-again.js';

describe('looking again at what is away', () => {
  const [soonestMs, latestMs] = [1_000, 5_000];
  let looks: number;
  let again: LookAgain;

  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
    looks = 0;
    again = new LookAgain({ look: () => looks++, soonestMs, latestMs });
  });
  afterEach(() => {
    mock.timers.reset();
    mock.restoreAll();
  });

  /** Of a look that is asked for now, after how long it comes, where chance says the most or the least. */
  const delayOf = (chance: number) => {
    mock.method(Math, 'random', () => chance);
    const before = looks;
    again.later();
    for (let ms = 1; ms <= 2 * latestMs; ms++) {
      mock.timers.tick(1);
      if (looks > before) return ms;
    }
    return null;
  };
  const longest = () => delayOf(0.999_999);

  it('is soon, and not at the same moment for all', () => {
    assert.equal(longest(), soonestMs);
    assert.equal(delayOf(0), soonestMs / 2);
  });

  it('is less often each time that it fails though it answered, down to a limit, and soon again when all was well', () => {
    const delays = [1, 2, 3, 4].map(() => {
      again.lessOften();
      return longest();
    });
    assert.deepEqual(delays, [2_000, 4_000, latestMs, latestMs]);
    again.soon();
    assert.equal(longest(), soonestMs);
  });

  it('is once, however often it is asked for', () => {
    for (let asked = 0; asked < 3; asked++) again.later();
    mock.timers.tick(2 * latestMs);
    assert.equal(looks, 1);
  });

  it('is never again after it was stopped', () => {
    again.later();
    again.stop();
    again.later();
    mock.timers.tick(2 * latestMs);
    assert.deepEqual([looks, again.isStopped], [0, true]);
  });
});
