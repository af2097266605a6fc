import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { padded } from '#src/detector/images/padding.js';

const channels = 3;

describe('a picture in the input of a network', () => {
  const places = fc
    .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
    .chain(([width, height]) =>
      fc
        .tuple(fc.integer({ min: 1, max: width }), fc.integer({ min: 1, max: height }))
        .chain(([pictureWidth, pictureHeight]) =>
          fc.record({
            size: fc.constant({ width, height }),
            pictureSize: fc.constant({ width: pictureWidth, height: pictureHeight }),
            left: fc.integer({ min: 0, max: width - pictureWidth }),
            top: fc.integer({ min: 0, max: height - pictureHeight }),
            fill: fc.integer({ min: 0, max: 255 }),
          }),
        ),
    );

  test('lies where it belongs, and all round is grey', () => {
    fc.assert(
      fc.property(places, ({ size, pictureSize, left, top, fill }) => {
        const length = channels * pictureSize.width * pictureSize.height;
        const pixels = Uint8Array.from({ length }, (_, index) => (7 * index + 1) % 256);
        const canvas = padded({ pixels, ...pictureSize }, left, top, { ...size, fill });
        assert.equal(canvas.length, channels * size.width * size.height);
        canvas.forEach((value, index) => {
          const pixel = Math.floor(index / channels);
          const [x, y] = [(pixel % size.width) - left, Math.floor(pixel / size.width) - top];
          const isInside = x >= 0 && y >= 0 && x < pictureSize.width && y < pictureSize.height;
          const at = channels * (y * pictureSize.width + x) + (index % channels);
          assert.equal(value, isInside ? pixels[at] : fill);
        });
      }),
    );
  });

  test('that fills it is not copied', () => {
    const pixels = new Uint8Array(channels * 4 * 3);
    assert.equal(padded({ pixels, width: 4, height: 3 }, 0, 0, { width: 4, height: 3, fill: 114 }), pixels);
  });
});
