import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { Turn } from '#src/server/peer/turn.js';
import { Turns } from '#src/server/peer/turns.js';

/** A clock that the test moves; the event loop goes round by itself. */
function setUp(t: TestContext) {
  const clock = { nowMs: 0 };
  t.mock.method(performance, 'now', () => clock.nowMs);
  return clock;
}

/** Lets the event loop go round once. */
const round = () => new Promise((resolve) => setImmediate(resolve));

describe('a turn', () => {
  test('goes on for some milliseconds, and then not before the event loop has come round', async (t) => {
    const clock = setUp(t);
    let next = 0;
    const turn = new Turn(new Turns(), () => next++);
    assert.equal(turn.goesOn, true);
    clock.nowMs = 4.9;
    assert.equal(turn.goesOn, true);
    clock.nowMs = 5;
    assert.equal(turn.goesOn, false);
    clock.nowMs = 1_000;
    assert.equal(turn.goesOn, false);
    assert.equal(next, 0);
    await round();
    assert.equal(next, 1, 'the rest is called for');
    assert.equal(turn.goesOn, true);
    clock.nowMs += 5;
    assert.equal(turn.goesOn, false, 'which has its own time');
    await round();
    assert.equal(next, 2);
  });

  test('that was not cut short is not called for', async (t) => {
    setUp(t);
    const turn = new Turn(new Turns(), () => assert.fail('nothing is left'));
    for (let turns = 0; turns < 3; turns++) {
      assert.equal(turn.goesOn, true);
      assert.equal(turn.goesOn, true);
      await round();
    }
  });

  test('that is cut short again is called for once each time that the event loop comes round', async (t) => {
    const clock = setUp(t);
    let called = 0;
    const turn: Turn = new Turn(new Turns(), () => {
      called++;
      assert.equal(turn.goesOn, true);
      clock.nowMs += 10;
      if (called < 3) assert.equal(turn.goesOn, false);
    });
    assert.equal(turn.goesOn, true);
    clock.nowMs += 10;
    assert.equal(turn.goesOn, false);
    const calls: number[] = [];
    for (let rounds = 0; rounds < 5; rounds++) {
      await round();
      calls.push(called);
    }
    assert.deepEqual(calls, [1, 2, 3, 3, 3]);
  });

  test('of a peer that is gone is not called for', async (t) => {
    const clock = setUp(t);
    const turn = new Turn(new Turns(), () => assert.fail('it is gone'));
    assert.equal(turn.goesOn, true);
    clock.nowMs += 10;
    assert.equal(turn.goesOn, false);
    turn.end();
    await round();
    assert.equal(turn.goesOn, false);
    await round();
  });
});
