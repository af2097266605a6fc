import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Box } from '#src/detector/images/frame.js';
import {
  intersectionOverUnion,
  suppress,
  type Candidate,
} from '#src/detector/inference/outputs/suppression.js';

const options = { iouThreshold: 0.45, acrossClasses: true };

describe('non-maximum suppression', () => {
  const same: Candidate = { box: [0, 0, 10, 10], classIndex: 0, score: 0.9 };

  test('across classes keeps one box of two that overlap; by class it keeps both', () => {
    const other = { ...same, classIndex: 1, score: 0.8 };
    assert.deepEqual(suppress([other, same], options), [same]);
    assert.deepEqual(suppress([other, same], { ...options, acrossClasses: false }), [same, other]);
  });

  const box = fc
    .tuple(fc.nat(40), fc.nat(40), fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 30 }))
    .map(([x, y, width, height]): Box => [x, y, x + width, y + height]);
  const candidates = fc.uniqueArray(
    fc.record({ box, classIndex: fc.nat(2), score: fc.integer({ min: 1, max: 1000 }).map((n) => n / 1000) }),
    { maxLength: 40, selector: ({ score }) => score },
  );

  test('agrees with the definition: a box stands when no standing better one covers it', () => {
    fc.assert(
      fc.property(candidates, fc.boolean(), (found, acrossClasses) => {
        const kept = new Set(suppress(found, { ...options, acrossClasses }));
        for (const candidate of found) {
          const covered = [...kept].some(
            (better) =>
              better.score > candidate.score &&
              (acrossClasses || better.classIndex === candidate.classIndex) &&
              intersectionOverUnion(better.box, candidate.box) > options.iouThreshold,
          );
          assert.equal(kept.has(candidate), !covered);
        }
      }),
    );
  });

  test('does not depend on the order of candidates', () => {
    fc.assert(
      fc.property(candidates, (found) => {
        assert.deepEqual(suppress([...found].reverse(), options), suppress(found, options));
      }),
    );
  });

  test('overlap is 1 for the same box, 0 for boxes that only touch, and the same both ways', () => {
    assert.equal(intersectionOverUnion([0, 0, 2, 2], [2, 0, 4, 2]), 0);
    fc.assert(
      fc.property(box, box, (a, b) => {
        assert.equal(intersectionOverUnion(a, a), 1);
        assert.equal(intersectionOverUnion(a, b), intersectionOverUnion(b, a));
      }),
    );
  });
});
