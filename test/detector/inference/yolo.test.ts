import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Box } from '#src/detector/images/letterbox.js';
import { detect, intersectionOverUnion, suppress, type Candidate } from '#src/detector/inference/yolo.js';

const options = { confidenceThreshold: 0.5, iouThreshold: 0.45, acrossClasses: true };

/** The output of a network with two classes: a column [x, y, width, height, score 0, score 1] a candidate. */
function output(...columns: readonly (readonly number[])[]): Float32Array {
  return Float32Array.from([0, 1, 2, 3, 4, 5].flatMap((row) => columns.map((column) => column[row] ?? 0)));
}

describe('the output of a YOLO v8 network', () => {
  test('gives boxes by their corners, the class with the higher score, best first', () => {
    const found = detect(output([50, 60, 20, 40, 0.1, 0.625], [200, 200, 10, 10, 0.875, 0]), 2, options);
    assert.deepEqual(found, [
      { box: [195, 195, 205, 205], classIndex: 0, score: 0.875 },
      { box: [40, 40, 60, 80], classIndex: 1, score: 0.625 },
    ]);
  });

  test('counts a score at the threshold, and none below it', () => {
    assert.equal(detect(output([50, 50, 10, 10, 0.5, 0]), 2, options).length, 1);
    assert.equal(detect(output([50, 50, 10, 10, 0.49, 0.1]), 2, options).length, 0);
  });

  test('that is not a number is no detection', () => {
    assert.equal(detect(output([50, 50, 10, 10, Number.NaN, Number.NaN]), 2, options).length, 0);
    assert.equal(detect(output([Number.NaN, 50, 10, 10, 0.9, 0]), 2, options).length, 0);
    assert.equal(detect(output([50, Number.POSITIVE_INFINITY, 10, 10, 0.9, 0]), 2, options).length, 0);
  });
});

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
