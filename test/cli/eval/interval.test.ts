import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { wilsonInterval } from '#src/cli/eval/interval.js';

describe("Wilson's interval", () => {
  // R's `binom.confint(x, n, methods = "wilson")` and prop.test without correction say the same.
  const table = [
    [7, 7, 0.6457, 1],
    [16, 17, 0.7302, 0.9895],
    [10, 20, 0.2993, 0.7007],
    [0, 10, 0, 0.2775],
    [81, 263, 0.2553, 0.3662],
  ] as const;
  for (const [hits, count, low, high] of table) {
    test(`of ${hits} of ${count} is ${low} to ${high}`, () => {
      const interval = wilsonInterval(hits, count);
      assert.deepEqual(
        interval?.map((edge) => Number(edge.toFixed(4))),
        [low, high],
      );
    });
  }

  test('of nothing is none', () => {
    assert.equal(wilsonInterval(0, 0), null);
  });

  test('lies within 0 and 1, holds the share, and is that of the misses mirrored', () => {
    const counted = fc
      .integer({ min: 1, max: 100_000 })
      .chain((count) => fc.tuple(fc.integer({ min: 0, max: count }), fc.constant(count)));
    fc.assert(
      fc.property(counted, ([hits, count]) => {
        const [low = Number.NaN, high = Number.NaN] = wilsonInterval(hits, count) ?? [];
        assert.ok(0 <= low && low <= hits / count && hits / count <= high && high <= 1);
        const [missLow = Number.NaN, missHigh = Number.NaN] = wilsonInterval(count - hits, count) ?? [];
        assert.ok(Math.abs(missLow - (1 - high)) < 1e-9 && Math.abs(missHigh - (1 - low)) < 1e-9);
      }),
    );
  });
});
