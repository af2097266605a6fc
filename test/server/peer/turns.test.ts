// How the peers of a worker share the time of its event loop. The clock is the test's; the event loop goes round by itself.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { Turn } from '#src/server/peer/turn.js';
import { Turns } from '#src/server/peer/turns.js';

const round = () => new Promise((resolve) => setImmediate(resolve));

function setUp(t: TestContext) {
  const clock = { nowMs: 0 };
  // A mock keeps each call, and there are a million.
  Object.defineProperty(performance, 'now', { value: () => clock.nowMs, configurable: true });
  t.after(() => Reflect.deleteProperty(performance, 'now'));
  const turns = new Turns();
  /** How long each has worked. */
  const workedMs = new Map<string, number>();
  /** A peer that begins to work as soon as it is made, and has so much to do; each step of its work takes a quarter of a millisecond. */
  const peer = (name: string, toDoMs: number) => {
    workedMs.set(name, 0);
    const work = () => {
      while ((workedMs.get(name) ?? 0) < toDoMs && turn.goesOn) {
        workedMs.set(name, (workedMs.get(name) ?? 0) + 0.25);
        clock.nowMs += 0.25;
      }
    };
    const turn: Turn = new Turn(turns, work);
    work();
  };
  return { clock, peer, workedMs: (name: string) => workedMs.get(name) ?? 0 };
}

describe('peers that have much to do', () => {
  test('have so long together in a round of the event loop, however many they are', async (t) => {
    const { clock, peer } = setUp(t);
    for (let count = 0; count < 300; count++) peer(`flooder ${count}`, 1_000);
    const rounds: number[] = [];
    for (let count = 0; count < 20; count++) {
      const beforeMs = clock.nowMs;
      await round();
      rounds.push(clock.nowMs - beforeMs);
    }
    // Each may go over by the one step that it has begun.
    for (const ms of rounds) assert.ok(ms <= 5.25, `${ms} ms`);
    assert.ok(Math.min(...rounds.slice(1)) > 4, 'and none of it is lost');
  });

  test('have their turns one after the other', async (t) => {
    const { clock, peer, workedMs } = setUp(t);
    const names = Array.from({ length: 40 }, (_, index) => `flooder ${index}`);
    for (const name of names) peer(name, 1_000);
    while (clock.nowMs < 4_000) await round();
    const all = names.map(workedMs);
    assert.ok(Math.min(...all) >= 90 && Math.max(...all) <= 110, all.join(' '));
  });

  test('do not hold up one that has little to do, or has just come', async (t) => {
    const { peer, workedMs } = setUp(t);
    for (let count = 0; count < 1_000; count++) peer(`flooder ${count}`, 1_000);
    for (let count = 0; count < 1_000; count++) await round();
    peer('newcomer', 0.5);
    await round();
    await round();
    assert.equal(workedMs('newcomer'), 0.5);
  });

  test('are not held up for ever by many that have little to do', async (t) => {
    const { peer, workedMs } = setUp(t);
    peer('long', 1_000);
    for (let rounds = 0; rounds < 100; rounds++) {
      for (let count = 0; count < 40; count++) peer(`short ${rounds} ${count}`, 0.5);
      await round();
    }
    assert.ok(workedMs('long') >= 90, `${workedMs('long')} ms`);
  });

  test('nor by turns so short that their time is never used up', async (t) => {
    const { clock } = setUp(t);
    const turns = new Turns();
    const taken = { long: 0, short: 0 };
    let isOver = false;
    const waits = (kind: keyof typeof taken, ms: number, busyUntil: number) => {
      const one = {
        begin: () => {
          taken[kind]++;
          clock.nowMs += ms;
          if (!isOver) turns.wait(one, busyUntil);
        },
      };
      turns.wait(one, busyUntil);
    };
    turns.roundAt(clock.nowMs);
    for (let count = 0; count < 300; count++) waits('short', 0.04, 0);
    waits('long', 1, Infinity);
    for (let count = 0; count < 100; count++) await round();
    isOver = true;
    assert.ok(taken.short >= 1_000, `${taken.short} short ones`);
    assert.ok(taken.long * 10 >= taken.short, `${taken.long} long ones beside ${taken.short} short ones`);
  });

  test('have all the time where nobody else wants any', async (t) => {
    const { clock, peer, workedMs } = setUp(t);
    peer('alone', 1_000);
    for (let count = 0; count < 10; count++) await round();
    assert.equal(workedMs('alone'), clock.nowMs);
    assert.ok(clock.nowMs >= 50);
  });
});

test('a peer with a few requests has them done at once, and is not called for', async (t) => {
  const { peer, workedMs, clock } = setUp(t);
  for (let count = 0; count < 5; count++) {
    peer(`peer ${count}`, 0.5);
    assert.equal(workedMs(`peer ${count}`), 0.5);
  }
  await round();
  assert.equal(clock.nowMs, 2.5);
});
