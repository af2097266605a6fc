import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { sampleFramed } from '#src/detector/images/bilinear.js';
import { frameOf, type Framing, type Picture, type Region } from '#src/detector/images/frame.js';

const framing: Framing = {
  width: 4,
  height: 4,
  resize: 'stretch',
  cropFraction: 1,
  interpolation: 'opencv-linear',
  fill: 114,
};

const sample = (picture: Picture, region: Region, how: Framing) =>
  sampleFramed(picture, region, frameOf(region, how), how);

/** A picture of one row, the same value in all channels. */
const row = (...values: number[]) => ({
  pixels: Uint8Array.from(values.flatMap((value) => [value, value, value])),
  width: values.length,
  height: 1,
});
const red = (pixels: Uint8Array) => [...pixels].filter((_, at) => at % 3 === 0);

describe('bilinear samples', () => {
  test('lie between the two nearest pixels, centre on centre', () => {
    const picture = row(0, 100, 200, 40);
    const all = { left: 0, top: 0, width: 4, height: 1 };
    const two = sample(picture, all, { ...framing, width: 2, height: 1 });
    assert.deepEqual(red(two.pixels), [50, 120]);
    const eight = sample(row(0, 100), { ...all, width: 2 }, { ...framing, width: 8, height: 1 });
    assert.deepEqual(red(eight.pixels), [0, 0, 13, 38, 63, 88, 100, 100]);
  });

  test('do not average over what they skip', () => {
    const picture = row(0, 0, 0, 0, 250, 0, 0, 0, 0);
    const one = sample(
      picture,
      { left: 0, top: 0, width: 9, height: 1 },
      { ...framing, width: 3, height: 1 },
    );
    assert.deepEqual(red(one.pixels), [0, 250, 0]);
  });

  test('of a region come from the region alone', () => {
    const picture = row(250, 10, 30, 250);
    const part = sample(
      picture,
      { left: 1, top: 0, width: 2, height: 1 },
      { ...framing, width: 4, height: 1 },
    );
    assert.deepEqual(red(part.pixels), [10, 15, 25, 30]);
  });

  test('in proportion leave the rest filled, or cut what is over', () => {
    const picture = row(10, 20, 30, 40);
    const all = { left: 0, top: 0, width: 4, height: 1 };
    const boxed = sample(picture, all, { ...framing, resize: 'letterbox' });
    assert.deepEqual(red(boxed.pixels), [114, 114, 114, 114, 10, 20, 30, 40, ...Array<number>(8).fill(114)]);
    const cut = sample(picture, all, { ...framing, width: 1, height: 1, resize: 'crop' });
    // Of four pixels the middle: round(3 / 2) is 2, as halves go to the even number.
    assert.deepEqual(red(cut.pixels), [30]);
  });

  test('of one colour have this colour, whatever the sizes', () => {
    const side = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(side, side, side, side, fc.integer({ min: 0, max: 255 }), (w, h, width, height, value) => {
        const picture = { pixels: new Uint8Array(w * h * 3).fill(value), width: w, height: h };
        const { pixels } = sample(
          picture,
          { left: 0, top: 0, width: w, height: h },
          { ...framing, width, height },
        );
        assert.ok(pixels.every((one) => one === value));
      }),
    );
  });
});

test('a thin picture costs no more than what is seen of it', () => {
  const height = 1_000_000;
  const picture = { pixels: new Uint8Array(3 * height).fill(200), width: 1, height };
  const how: Framing = { ...framing, width: 224, height: 224, resize: 'crop' };
  const { pixels } = sample(picture, { left: 0, top: 0, width: 1, height }, how);
  assert.ok(pixels.every((value) => value === 200));
});
