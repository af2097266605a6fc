import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { letterbox, toImage } from '#src/detector/images/letterbox.js';

describe('letterboxing', () => {
  test('keeps the proportions and centres the picture', () => {
    assert.deepEqual(letterbox(2048, 1536, 320), {
      width: 2048,
      height: 1536,
      scaledWidth: 320,
      scaledHeight: 240,
      left: 0,
      top: 40,
    });
  });

  test('puts the odd row of padding below', () => {
    const { scaledHeight, top } = letterbox(320, 239, 320);
    assert.equal(scaledHeight, 239);
    assert.equal(top, 40);
  });

  test('leaves a pixel of the thinnest picture', () => {
    const { scaledWidth, scaledHeight } = letterbox(10_000, 1, 320);
    assert.deepEqual([scaledWidth, scaledHeight], [320, 1]);
  });

  const side = fc.integer({ min: 1, max: 10_000 });

  test('fits into the square and touches two of its sides', () => {
    fc.assert(
      fc.property(side, side, (width, height) => {
        const { scaledWidth, scaledHeight, left, top } = letterbox(width, height, 320);
        assert.ok(left >= 0 && left + scaledWidth <= 320);
        assert.ok(top >= 0 && top + scaledHeight <= 320);
        assert.ok(scaledWidth === 320 || scaledHeight === 320);
      }),
    );
  });

  test('a box comes back to where it was in the picture, within a pixel of the input', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(side, side, share, share, (width, height, x, y) => {
        const frame = letterbox(width, height, 320);
        const inside = [frame.left + x * frame.scaledWidth, frame.top + y * frame.scaledHeight] as const;
        const [x1, y1] = toImage([...inside, ...inside], frame);
        assert.ok(Math.abs(x1 - x * width) < 1e-6 * width + 1e-6);
        assert.ok(Math.abs(y1 - y * height) < 1e-6 * height + 1e-6);
      }),
    );
  });

  test('a box that reaches into the padding ends at the edge of the picture', () => {
    assert.deepEqual(toImage([-10, 0, 400, 320], letterbox(2048, 1536, 320)), [0, 0, 2048, 1536]);
  });
});
