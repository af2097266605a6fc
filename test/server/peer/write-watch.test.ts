import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { WriteWatch } from '#src/server/peer/write-watch.js';
import { stopClock } from './clock.js';

/** A watch of 1000 ms on a socket whose counters the test sets. */
function setUp(t: TestContext) {
  const pass = stopClock(t);
  const counters = { written: 0, waiting: 0 };
  const socket = new Socket();
  Object.defineProperty(socket, 'bytesWritten', { get: () => counters.written });
  Object.defineProperty(socket, 'writableLength', { get: () => counters.waiting });
  const told = { stuck: 0 };
  const watch = new WriteWatch(socket, 1_000, () => told.stuck++);
  return { pass, counters, told, watch };
}

describe('a peer that is written to', () => {
  test('is stuck when it takes nothing for the whole time', (t) => {
    const { pass, counters, told, watch } = setUp(t);
    counters.written = counters.waiting = 500;
    watch.start();
    pass(999);
    assert.equal(told.stuck, 0);
    pass(1);
    assert.equal(told.stuck, 1);
  });

  test('has its time anew for each byte that it takes', (t) => {
    const { pass, counters, told, watch } = setUp(t);
    counters.written = counters.waiting = 500;
    watch.start();
    for (let taken = 0; taken < 10; taken++) {
      counters.waiting--;
      pass(1_000);
    }
    assert.equal(told.stuck, 0);
    pass(1_000);
    assert.equal(told.stuck, 1);
  });

  test('has no more time because more is written to it', (t) => {
    const { pass, counters, told, watch } = setUp(t);
    counters.written = counters.waiting = 500;
    watch.start();
    pass(500);
    counters.written = counters.waiting = 900;
    watch.start();
    pass(500);
    assert.equal(told.stuck, 1);
  });

  test('is watched only until it has taken everything, and then anew', (t) => {
    const { pass, counters, told, watch } = setUp(t);
    counters.written = counters.waiting = 500;
    watch.start();
    pass(999);
    watch.stop();
    pass(60_000);
    watch.start();
    pass(999);
    assert.equal(told.stuck, 0);
    pass(1);
    assert.equal(told.stuck, 1);
  });
});
