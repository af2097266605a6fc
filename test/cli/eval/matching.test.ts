import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { bestOverlap, iouMin, matchBoxes } from '#src/cli/eval/matching.js';

type Box = readonly [number, number, number, number];
const told = (box: Box, confidence = 0.9) => ({ box, confidence });
const ious = (drawn: readonly Box[], boxes: readonly ReturnType<typeof told>[], sideMin = 0) =>
  matchBoxes(drawn, boxes, sideMin).told.map(({ iou }) => iou);

describe('boxes', () => {
  test('are found where half of what two cover together is common to both', () => {
    assert.deepEqual(ious([[0, 0, 10, 10]], [told([0, 0, 10, 5])]), [0.5]);
    assert.deepEqual(ious([[0, 0, 10, 10]], [told([0, 0, 10, 4.9])]), [null]);
  });

  test('are found once: the surest has it, the other one is a false alarm', () => {
    const found = matchBoxes([[0, 0, 10, 10]], [told([0, 0, 10, 10], 0.6), told([0, 0, 10, 9], 0.8)]);
    assert.deepEqual(found.told, [
      { confidence: 0.8, iou: 0.9 },
      { confidence: 0.6, iou: null },
    ]);
  });

  test('take the free one that they overlap most', () => {
    const drawn: Box[] = [
      [0, 0, 10, 10],
      [0, 0, 10, 8],
    ];
    assert.deepEqual(ious(drawn, [told([0, 0, 10, 8], 0.9), told([0, 0, 10, 8], 0.8)]), [1, 0.8]);
  });

  test('count neither way where they are too small', () => {
    const small: Box = [0, 0, 20, 31];
    assert.deepEqual(matchBoxes([small], [], 32), { told: [], drawn: 0 });
    assert.deepEqual(matchBoxes([small], [told([0, 0, 60, 60]), told([0, 0, 21, 31])], 32).told, [
      { confidence: 0.9, iou: null },
    ]);
    assert.deepEqual(ious([], [told([0, 0, 32, 32])], 32), [null]);
  });

  test('that do not touch do not overlap; without a drawn one nothing is known', () => {
    assert.equal(bestOverlap([[0, 0, 1, 1]], [1, 0, 2, 1]), 0);
    assert.equal(bestOverlap([], [1, 0, 2, 1]), null);
  });

  test('are matched at most once each, and all of them by whoever tells the very boxes', () => {
    const box = fc
      .tuple(fc.nat(50), fc.nat(50), fc.nat(49), fc.nat(49))
      .map(([x, y, width, height]): Box => [x, y, x + width + 1, y + height + 1]);
    const told = fc.record({ box, confidence: fc.double({ min: 0, max: 1, noNaN: true }) });
    fc.assert(
      fc.property(fc.array(box), fc.array(told), (drawn, boxes) => {
        const found = matchBoxes(drawn, boxes);
        const hits = found.told.flatMap(({ iou }) => iou ?? []);
        assert.equal(found.drawn, drawn.length);
        assert.equal(found.told.length, boxes.length);
        assert.ok(hits.length <= Math.min(drawn.length, boxes.length));
        assert.ok(hits.every((iou) => iou >= iouMin && iou <= 1));
        // Whoever tells the drawn boxes themselves has found all.
        assert.equal(
          ious(
            drawn,
            drawn.map((each) => ({ box: each, confidence: 1 })),
          ).includes(null),
          false,
        );
      }),
    );
  });
});
