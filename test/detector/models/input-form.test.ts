import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inputFormOf, preprocessingOf } from '#src/detector/models/input-form.js';
import type { ModelSpec } from '#src/detector/models/model-spec.js';
import { StartupError } from '#src/errors.js';
import { specOf } from './spec.js';

type Shape = readonly (number | string)[];

function form(shape: Shape, said: Partial<ModelSpec> = {}, type = 'float32') {
  const found = { name: 'm.onnx', inputs: [{ name: 'images', type, shape }], outputs: [], classes: null };
  return inputFormOf(found, specOf(said));
}

function refusal(shape: Shape, said: Partial<ModelSpec> = {}, type = 'float32'): string {
  try {
    form(shape, said, type);
  } catch (error) {
    assert.ok(error instanceof StartupError);
    return `${error.message} — ${error.cure}`;
  }
  return assert.fail('it was taken');
}

const sizeOf = (shape: Shape, said: Partial<ModelSpec> = {}) => {
  const { width, height } = form(shape, said);
  return [width, height];
};

describe('the input of a model', () => {
  test('may be planes or channels side by side, float32, float16 or uint8', () => {
    for (const type of ['float32', 'float16', 'uint8']) {
      const planes = form([1, 3, 480, 640], {}, type);
      assert.deepEqual([planes.dtype, planes.layout, planes.width, planes.height], [type, 'nchw', 640, 480]);
      const pixels = form([1, 480, 640, 3], {}, type);
      assert.deepEqual([pixels.dtype, pixels.layout, pixels.width, pixels.height], [type, 'nhwc', 640, 480]);
    }
  });

  test('may have an open batch', () => {
    assert.deepEqual(sizeOf(['batch', 3, 320, 320]), [320, 320]);
    assert.deepEqual(sizeOf([-1, 3, 320, 320]), [320, 320]);
  });

  const open = ['batch', 3, 'height', 'width'];
  const size = { width: 352, height: 256, from: 'metadata' } as const;

  test('of open size has the size that somebody says, else 640 as a guess', () => {
    assert.deepEqual(sizeOf(open, { size }), [352, 256]);
    assert.deepEqual(sizeOf(open), [640, 640]);
    assert.ok(form(open).isSizeGuessed);
    assert.ok(!form(open, { size }).isSizeGuessed);
  });

  test('of fixed size keeps it, whatever the metadata says', () => {
    assert.deepEqual(sizeOf([1, 3, 320, 320], { size }), [320, 320]);
  });

  test('may leave the layout to the sidecar, where all is open', () => {
    const all = ['a', 'b', 'c', 'd'];
    assert.equal(form(all).layout, 'nchw');
    assert.equal(form(all, { input: { layout: 'nhwc' } }).layout, 'nhwc');
  });

  const refused: readonly (readonly [what: string, text: string, words: RegExp])[] = [
    ['a batch', refusal([4, 3, 640, 640]), /takes 4 pictures at a time; found.*export it for one picture \(batch=1\)/],
    ['grey pictures', refusal([1, 1, 640, 640]), /does not take three channels/],
    ['a row', refusal([1, 3]), /does not take a picture/],
    ['whole numbers', refusal([1, 3, 640, 640], {}, 'int64'), /takes int64/],
    [
      'another size than is configured',
      refusal([1, 3, 480, 640], { size: { width: 320, height: 320, from: 'configuration' } }),
      /takes images of 640 × 480 pixels, not of 320 × 320 — correct model\.img_size/,
    ],
    [
      'another size than its sidecar says',
      refusal([1, 3, 480, 640], { size: { width: 320, height: 320, from: 'sidecar' } }),
      /correct img_size in the \.yaml file/,
    ],
    [
      'another type than its sidecar says',
      refusal([1, 3, 640, 640], { input: { dtype: 'uint8', layout: 'nhwc' } }),
      /takes float32 nchw, but its \.yaml file says uint8 nhwc/,
    ],
    [
      'uint8, normalised by the sidecar',
      refusal([1, 640, 640, 3], { input: { mean: [0, 0, 0] } }, 'uint8'),
      /takes uint8, which is not normalised/,
    ],
  ];
  for (const [what, text, words] of refused) {
    test(`is refused that takes ${what}`, () => {
      assert.match(text, words);
    });
  }

  test('must be one', () => {
    const one = { name: 'a', type: 'float32', shape: [1, 3, 32, 32] };
    const found = { name: 'm.onnx', inputs: [one, { ...one, name: 'b' }], outputs: [], classes: null };
    assert.throws(() => inputFormOf(found, specOf()), /does not have one input; found: inputs a: .*, b: /);
  });
});

describe('pictures are brought into it', () => {
  const input = form([1, 3, 320, 320]);
  const usual = (kind: 'yolo-v8' | 'classifier', isUltralytics: boolean) => {
    const { resize, interpolation, fill, mean, std } = preprocessingOf(kind, input, specOf({ isUltralytics }));
    return { resize, interpolation, fill, mean: mean[0], std: std[0] };
  };

  test('of a detector: letterboxed with grey, 0 to 1', () => {
    const expected = { resize: 'letterbox', interpolation: 'cubic', fill: 114, mean: 0, std: 1 };
    assert.deepEqual(usual('yolo-v8', true), expected);
    assert.deepEqual(usual('yolo-v8', false), expected);
  });

  test("of ultralytics' classifier: cropped, 0 to 1", () => {
    assert.deepEqual(usual('classifier', true), { resize: 'crop', interpolation: 'linear', fill: 114, mean: 0, std: 1 });
  });

  test('of any other classifier: stretched, normalised as for ImageNet', () => {
    const expected = { resize: 'stretch', interpolation: 'linear', fill: 114, mean: 0.485, std: 0.229 };
    assert.deepEqual(usual('classifier', false), expected);
  });

  test('as the sidecar says, where it says something', () => {
    const said = {
      resize: 'crop',
      crop_fraction: 0.875,
      interpolation: 'lanczos',
      letterbox_fill: 0,
      mean: [0.5, 0.5, 0.5],
      std: [0.25, 0.25, 0.25],
      channel_order: 'bgr',
    } as const;
    const all = preprocessingOf('yolo-v8', input, specOf({ input: { ...said, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } }));
    assert.deepEqual(
      [all.resize, all.cropFraction, all.interpolation, all.fill, all.channelOrder, all.mean, all.std],
      ['crop', 0.875, 'lanczos', 0, 'bgr', [0.5, 0.5, 0.5], [0.25, 0.25, 0.25]],
    );
  });
});
