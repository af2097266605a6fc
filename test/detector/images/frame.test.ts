import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { frameOf, regionOf, toImage, type Framing } from '#src/detector/images/frame.js';

const square: Framing = {
  width: 320,
  height: 320,
  resize: 'letterbox',
  cropFraction: 1,
  interpolation: 'linear',
  fill: 114,
};
const letterbox = (width: number, height: number) => frameOf({ width, height }, square);

describe('letterboxing', () => {
  test('keeps the proportions and centres the picture', () => {
    assert.deepEqual(letterbox(2048, 1536), {
      width: 2048,
      height: 1536,
      scaledWidth: 320,
      scaledHeight: 240,
      left: 0,
      top: 40,
    });
  });

  test('puts the odd row of padding below', () => {
    const { scaledHeight, top } = letterbox(320, 239);
    assert.equal(scaledHeight, 239);
    assert.equal(top, 40);
  });

  test('leaves a pixel of the thinnest picture', () => {
    const { scaledWidth, scaledHeight } = letterbox(10_000, 1);
    assert.deepEqual([scaledWidth, scaledHeight], [320, 1]);
  });

  const side = fc.integer({ min: 1, max: 10_000 });

  test('fits into the square and touches two of its sides', () => {
    fc.assert(
      fc.property(side, side, (width, height) => {
        const { scaledWidth, scaledHeight, left, top } = letterbox(width, height);
        assert.ok(left >= 0 && left + scaledWidth <= 320);
        assert.ok(top >= 0 && top + scaledHeight <= 320);
        assert.ok(scaledWidth === 320 || scaledHeight === 320);
      }),
    );
  });

  const share = fc.double({ min: 0, max: 1, noNaN: true });

  test('a box comes back to where it was in the picture, whatever the way of scaling', () => {
    const framing = fc.record({
      resize: fc.constantFrom('letterbox', 'stretch', 'crop'),
      width: fc.integer({ min: 32, max: 700 }),
      height: fc.integer({ min: 32, max: 700 }),
    });
    fc.assert(
      fc.property(side, side, share, share, framing, (width, height, x, y, how) => {
        const frame = frameOf({ width, height }, { ...square, ...how });
        const inside = [frame.left + x * frame.scaledWidth, frame.top + y * frame.scaledHeight] as const;
        const [x1, y1] = toImage([...inside, ...inside], frame);
        assert.ok(Math.abs(x1 - x * width) < 1e-6 * width + 1e-6);
        assert.ok(Math.abs(y1 - y * height) < 1e-6 * height + 1e-6);
      }),
    );
  });

  test('a box that reaches into the padding ends at the edge of the picture', () => {
    assert.deepEqual(toImage([-10, 0, 400, 320], letterbox(2048, 1536)), [0, 0, 2048, 1536]);
  });
});

describe('a rectangular input', () => {
  test('is filled above and below, or at both sides', () => {
    const wide = { ...square, width: 640, height: 480 };
    const places = (width: number, height: number) => {
      const { left, top, scaledWidth, scaledHeight } = frameOf({ width, height }, wide);
      return [left, top, scaledWidth, scaledHeight];
    };
    assert.deepEqual(places(1024, 768), [0, 0, 640, 480]);
    assert.deepEqual(places(768, 1024), [140, 0, 360, 480]);
    assert.deepEqual(places(1280, 480), [0, 120, 640, 240]);
  });
});

describe('stretching', () => {
  test('fills the input', () => {
    const frame = frameOf({ width: 1000, height: 500 }, { ...square, resize: 'stretch' });
    assert.deepEqual([frame.left, frame.top, frame.scaledWidth, frame.scaledHeight], [0, 0, 320, 320]);
    assert.deepEqual(toImage([0, 32, 160, 320], frame), [0, 50, 500, 500]);
  });
});

describe('a centre crop', () => {
  const crop = { ...square, width: 224, height: 224, resize: 'crop' as const };
  const places = (width: number, height: number, cropFraction: number) => {
    const { left, top, scaledWidth, scaledHeight } = frameOf({ width, height }, { ...crop, cropFraction });
    return [scaledWidth, scaledHeight, left, top];
  };

  test('scales the shorter side and cuts the longer one off at both ends', () => {
    // What Resize(224) and CenterCrop(224) of torchvision say: int(224 * 1024 / 768) = 298, round(74 / 2) = 37.
    assert.deepEqual(places(1024, 768, 1), [298, 224, -37, 0]);
    assert.deepEqual(places(768, 1024, 1), [224, 298, 0, -37]);
  });

  test('with a fraction cuts the shorter side, too', () => {
    // timm: floor(224 / 0.875) = 256.
    assert.deepEqual(places(1024, 768, 0.875), [341, 256, -58, -16]);
  });

  test('of a picture that is smaller scales it up', () => {
    assert.deepEqual(places(10, 5, 1), [448, 224, -112, 0]);
  });
});

describe('the region of a box', () => {
  const size = { width: 100, height: 50 };

  test('is cut as int() cuts', () => {
    assert.deepEqual(regionOf([10.9, 5.1, 20.9, 30.99], size), { left: 10, top: 5, width: 10, height: 25 });
  });

  test('lies inside the picture and has at least one pixel', () => {
    const number = fc.double({ min: -1e6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(number, number, number, number, (...box) => {
        const { left, top, width, height } = regionOf(box, size);
        assert.ok([left, top, width, height].every(Number.isInteger));
        assert.ok(left >= 0 && top >= 0 && width >= 1 && height >= 1);
        assert.ok(left + width <= size.width && top + height <= size.height);
      }),
    );
  });
});
