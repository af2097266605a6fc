// The clock of the probe: it asks when it is due, and counts from then.
import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { describe, it } from 'node:test';
import { openLoop } from '#src/cli/bench/open-loop.js';

describe('an open loop', () => {
  it('asks on while answers are late', async () => {
    const asked: (() => void)[] = [];
    const latencies = await openLoop({
      intervalMs: 1,
      goesOn: () => asked.length < 10,
      ask: (index) =>
        new Promise<void>((resolve) => {
          asked.push(resolve);
          // A closed loop would wait for the first of them for ever.
          if (index === 9) for (const answer of asked) answer();
        }),
    });
    assert.equal(latencies.length, 10);
    assert.ok((latencies[0] ?? 0) >= 8, 'the first waited for the last');
  });

  it('counts from when a question was due, where the one who asks was held up', async () => {
    let count = 0;
    const heldMs = 50;
    const latencies = await openLoop({
      intervalMs: 5,
      goesOn: () => count < 5,
      ask: () => {
        if (count++ > 0) return Promise.resolve();
        for (const start = performance.now(); performance.now() - start < heldMs;);
        return Promise.resolve();
      },
    });
    // Those that were due at 5 to 20 ms could not be asked before 50.
    latencies.forEach((latency, index) => {
      assert.ok(latency >= heldMs - 5 * index, `${latency} ms at ${index}`);
    });
  });

  it('fails with the first answer that does', async () => {
    let count = 0;
    const failing = openLoop({
      intervalMs: 1,
      goesOn: () => count < 3,
      ask: () => (++count === 2 ? Promise.reject(new Error('refused')) : Promise.resolve()),
    });
    await assert.rejects(failing, /refused/);
  });
});
