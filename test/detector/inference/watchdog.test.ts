// What is stuck is noticed; what only takes its time, or was stopped itself, is not.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { Watchdog } from '#src/detector/inference/watchdog.js';

const timeoutMs = 1_000;

describe('a watchdog', () => {
  let stuck: number;
  let hasWork: boolean;
  let watchdog: Watchdog;

  beforeEach(() => {
    mock.timers.enable({ apis: ['setInterval'] });
    stuck = 0;
    hasWork = true;
    watchdog = new Watchdog(
      timeoutMs,
      () => hasWork,
      () => stuck++,
    );
  });
  afterEach(() => {
    watchdog.stop();
    mock.timers.reset();
  });

  it('speaks up, once, where work makes no progress for longer than its time', () => {
    mock.timers.tick(timeoutMs);
    assert.equal(stuck, 0);
    mock.timers.tick(timeoutMs / 2);
    assert.equal(stuck, 1);
    mock.timers.tick(10 * timeoutMs);
    assert.equal(stuck, 1);
  });

  it('is silent as long as there is progress', () => {
    for (let count = 0; count < 20; count++) {
      mock.timers.tick(0.9 * timeoutMs);
      watchdog.calm();
    }
    assert.equal(stuck, 0);
  });

  it('is silent where there is nothing to do', () => {
    hasWork = false;
    mock.timers.tick(10 * timeoutMs);
    assert.equal(stuck, 0);
  });

  it('is silent once it was stopped', () => {
    watchdog.stop();
    mock.timers.tick(10 * timeoutMs);
    assert.equal(stuck, 0);
  });
});
