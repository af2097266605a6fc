import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RecentList } from '#src/connections/recent-list.js';

describe('a list of the last items', () => {
  it('keeps the last ones, under the numbers that they got, and a tenth more at most', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(200), (max, count) => {
        const list = new RecentList<number>(max);
        for (let n = 0; n < count; n++) list.push(n);
        assert.equal(list.end, count);
        const kept = list.end - list.start;
        assert.ok(kept >= Math.min(max, count) && kept <= 1.1 * max);
        const all = Array.from({ length: kept }, (_, index) => list.start + index);
        assert.deepEqual(list.slice(0, count), all);
        for (const n of all) assert.equal(list.at(n), n);
        assert.deepEqual([list.at(list.start - 1), list.at(list.end)], [undefined, undefined]);
        assert.deepEqual(list.slice(list.end - 1, list.end + 5), all.slice(-1));
      }),
    );
  });
});
