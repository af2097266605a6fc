import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { IdleWatch } from '#src/server/peer/idle-watch.js';
import { stopClock } from './clock.js';

describe('a connection', () => {
  test('is idle when nothing has come or gone for the whole time, counted from the last traffic', (t) => {
    const pass = stopClock(t);
    let idle = 0;
    const watch = new IdleWatch(
      1_000,
      () => false,
      () => idle++,
    );
    pass(999);
    watch.touch();
    pass(1);
    pass(998);
    assert.equal(idle, 0);
    pass(1);
    assert.equal(idle, 1);
    pass(60_000);
    assert.equal(idle, 1, 'and is told so once');
  });

  test('is not idle while it is owed something, however long that takes', (t) => {
    const pass = stopClock(t);
    let isBusy = true;
    let idle = 0;
    new IdleWatch(
      1_000,
      () => isBusy,
      () => idle++,
    );
    for (let looks = 0; looks < 10; looks++) pass(1_000);
    isBusy = false;
    pass(999);
    assert.equal(idle, 0);
    pass(1);
    assert.equal(idle, 1);
  });

  test('that is gone is watched no more', (t) => {
    const pass = stopClock(t);
    const watch = new IdleWatch(
      1_000,
      () => false,
      () => assert.fail('it was stopped'),
    );
    pass(500);
    watch.stop();
    pass(60_000);
  });
});
