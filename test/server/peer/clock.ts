// Time that passes when a test says so.
import type { TestContext } from 'node:test';

/** Stops the clock and all timeouts for the length of a test; gives what lets so many milliseconds pass. */
export function stopClock(t: TestContext): (ms: number) => void {
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  return (ms) => {
    nowMs += ms;
    t.mock.timers.tick(ms);
  };
}
