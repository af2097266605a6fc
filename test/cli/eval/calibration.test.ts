import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { calibrationOf } from '#src/cli/eval/calibration.js';

const told = (confidence: number, isRight: boolean) => ({ confidence, isRight });

describe('calibration', () => {
  test('is off by the gap of each bin, weighed by what is in it', () => {
    // 0.9 and right, 0.9 and wrong: |0.9 - 0.5|, half of all; 0.2 and wrong twice: |0.2 - 0|, the other half.
    const found = calibrationOf([told(0.9, true), told(0.9, false), told(0.2, false), told(0.2, false)]);
    assert.ok(found !== null);
    assert.ok(Math.abs(found.expectedError - 0.3) < 1e-12);
    assert.ok(Math.abs(found.brier - (0.01 + 0.81 + 0.04 + 0.04) / 4) < 1e-12);
    assert.deepEqual(
      found.bins.map(({ count }) => count),
      [0, 2, 0, 0, 0, 0, 0, 0, 2, 0],
    );
  });

  test('puts a confidence on an edge into the bin below, 0 into the first, 1 into the last', () => {
    const bins = (confidence: number) =>
      calibrationOf([told(confidence, true)])?.bins.findIndex(({ count }) => count === 1);
    assert.deepEqual([0, 0.1, 0.11, 0.5, 0.51, 1].map(bins), [0, 0, 1, 4, 5, 9]);
  });

  test('of nothing is none', () => {
    assert.equal(calibrationOf([]), null);
  });

  test('has everything in one of ten bins, errors of 0 to 1, and none for a sure model that is always right', () => {
    const any = fc.record({ confidence: fc.double({ min: 0, max: 1, noNaN: true }), isRight: fc.boolean() });
    fc.assert(
      fc.property(fc.array(any, { minLength: 1 }), (all) => {
        const found = calibrationOf(all);
        assert.ok(found !== null);
        assert.equal(
          found.bins.reduce((sum, { count }) => sum + count, 0),
          all.length,
        );
        assert.ok(found.expectedError >= 0 && found.expectedError <= 1 + 1e-9);
        assert.ok(found.brier >= 0 && found.brier <= 1 + 1e-9);
        const sure = all.map(({ isRight }) => told(isRight ? 1 : 0, isRight));
        assert.equal(calibrationOf(sure)?.expectedError, 0);
      }),
    );
  });
});
