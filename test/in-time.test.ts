import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { inTime } from '#src/in-time.js';

const late = () => new Error('late');

test('what ends in time is as it was, good or bad', async () => {
  assert.equal(await inTime(Promise.resolve(7), 1_000, late), 7);
  await assert.rejects(inTime(Promise.reject(new Error('broken')), 1_000, late), /broken/);
});

test('what never ends is late at its time', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const waiting = inTime(new Promise(() => undefined), 1_000, late);
    mock.timers.tick(1_000);
    await assert.rejects(waiting, /late/);
  } finally {
    mock.timers.reset();
  }
});
