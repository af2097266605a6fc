import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAllNumbers } from '#src/detector/inference/outputs/numbers.js';

test('an output is good where every value of it is a finite number, wherever it stands', () => {
  fc.assert(
    fc.property(fc.float32Array({ maxLength: 30 }), (data) => {
      assert.equal(isAllNumbers({ data, dims: [data.length] }), data.every(Number.isFinite));
    }),
  );
  for (const odd of [NaN, Infinity, -Infinity]) {
    for (let at = 0; at < 9; at++) {
      const data = Float32Array.from({ length: 9 }, (_, index) => (index === at ? odd : -index * 1e37));
      assert.equal(isAllNumbers({ data, dims: [9] }), false, `${odd} at ${at}`);
    }
  }
  assert.ok(isAllNumbers({ data: Float32Array.of(-0, 3.4e38, -3.4e38, 1e-45), dims: [4] }));
});
