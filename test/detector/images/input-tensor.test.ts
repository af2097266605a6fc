import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fromHalf } from '#src/detector/images/half-float.js';
import { InputTensor, type TensorForm } from '#src/detector/images/input-tensor.js';

const plain = { mean: [0, 0, 0], std: [1, 1, 1] } as const;
const two: TensorForm = {
  width: 2,
  height: 1,
  dtype: 'float32',
  layout: 'nchw',
  channelOrder: 'rgb',
  ...plain,
};
const pixels = Uint8Array.of(0, 51, 102, 255, 204, 153);

describe('the numbers that a network takes', () => {
  test('are planes of 0 to 1', () => {
    const tensor = new InputTensor(two);
    assert.deepEqual(tensor.dims, [1, 3, 1, 2]);
    assert.deepEqual([...tensor.of(pixels)], [0, 1, 0.2, 0.8, 0.4, 0.6].map(Math.fround));
  });

  test('are channels side by side where the layout says so', () => {
    const tensor = new InputTensor({ ...two, layout: 'nhwc' });
    assert.deepEqual(tensor.dims, [1, 1, 2, 3]);
    assert.deepEqual([...tensor.of(pixels)], [0, 0.2, 0.4, 1, 0.8, 0.6].map(Math.fround));
  });

  test('come blue first where the order says so', () => {
    const tensor = new InputTensor({ ...two, channelOrder: 'bgr' });
    assert.deepEqual([...tensor.of(pixels)], [0.4, 0.6, 0.2, 0.8, 0, 1].map(Math.fround));
  });

  test('of uint8, rows first, are the very pixels, not copied', () => {
    assert.equal(new InputTensor({ ...two, dtype: 'uint8', layout: 'nhwc' }).of(pixels), pixels);
  });

  test('of uint8 in planes are the values as they are', () => {
    assert.deepEqual(
      [...new InputTensor({ ...two, dtype: 'uint8' }).of(pixels)],
      [0, 255, 51, 204, 102, 153],
    );
  });

  test('are written into the same array each time', () => {
    const tensor = new InputTensor(two);
    assert.equal(tensor.of(pixels), tensor.of(new Uint8Array(6)));
  });

  const share = fc.double({ min: 0.05, max: 1, noNaN: true });
  const three = fc.tuple(share, share, share);

  test('are normalised channel by channel, whatever the layout, order and type', () => {
    const forms = fc.record({
      mean: three,
      std: three,
      dtype: fc.constantFrom('float32' as const, 'float16' as const),
      layout: fc.constantFrom('nchw' as const, 'nhwc' as const),
      channelOrder: fc.constantFrom('rgb' as const, 'bgr' as const),
    });
    const size = { width: 3, height: 2 };
    fc.assert(
      fc.property(forms, fc.uint8Array({ minLength: 18, maxLength: 18 }), (form, image) => {
        const data = new InputTensor({ ...size, ...form }).of(image);
        for (let pixel = 0; pixel < 6; pixel++) {
          for (const channel of [0, 1, 2] as const) {
            const place = form.channelOrder === 'rgb' ? channel : 2 - channel;
            const got = data[form.layout === 'nchw' ? place * 6 + pixel : pixel * 3 + place] ?? NaN;
            const value = form.dtype === 'float16' ? fromHalf(got) : got;
            const expected =
              ((image[pixel * 3 + channel] ?? 0) / 255 - form.mean[channel]) / form.std[channel];
            const tolerance = form.dtype === 'float16' ? 2 ** -11 : 2 ** -23;
            assert.ok(Math.abs(value - expected) <= Math.abs(expected) * tolerance + 2 ** -24);
          }
        }
      }),
    );
  });
});
