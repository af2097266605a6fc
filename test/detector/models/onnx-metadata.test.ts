import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { classNames, inputSize, onnxMetadata } from '#src/detector/models/onnx-metadata.js';

describe('the metadata of an ONNX file', () => {
  test('is read from the model that ships', () => {
    const metadata = onnxMetadata(readFileSync('models/pear-starter.onnx'));
    assert.deepEqual(classNames(metadata), ['defected_pear', 'normal_pear']);
    assert.equal(inputSize(metadata), 320);
  });

  const names: readonly (readonly [text: string | undefined, names: readonly string[] | null])[] = [
    ["{0: 'defected_pear', 1: 'normal_pear'}", ['defected_pear', 'normal_pear']],
    ['{0: "it\'s", 1: "b"}', ["it's", 'b']],
    ["{1: 'a'}", null],
    ['{}', null],
    [undefined, null],
  ];
  for (const [text, expected] of names) {
    test(`names written as ${text ?? 'nothing'} are ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(classNames(new Map(text === undefined ? [] : [['names', text]])), expected);
    });
  }

  test('gives the input size of a square only', () => {
    assert.equal(inputSize(new Map([['imgsz', '[640, 640]']])), 640);
    assert.equal(inputSize(new Map([['imgsz', '320']])), 320);
    assert.equal(inputSize(new Map([['imgsz', '[640, 480]']])), null);
  });

  test('of any bytes is read without harm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        onnxMetadata(bytes);
      }),
    );
  });
});
