import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  classNames,
  inputSize,
  isEndToEnd,
  onnxMetadata,
} from '#src/detector/models/onnx-metadata.js';
import { MalformedError } from '#src/detector/models/protobuf.js';

describe('the metadata of an ONNX file', () => {
  test('is read from the model that ships', () => {
    const metadata = onnxMetadata(readFileSync('models/pear-starter.onnx'));
    assert.deepEqual(classNames(metadata), ['defected_pear', 'normal_pear']);
    assert.deepEqual(inputSize(metadata), { width: 320, height: 320 });
  });

  const names: readonly (readonly [text: string | undefined, names: readonly string[] | null])[] = [
    ["{0: 'defected_pear', 1: 'normal_pear'}", ['defected_pear', 'normal_pear']],
    ['{0: "it\'s", 1: "b"}', ["it's", 'b']],
    ["{0: 'a \\\\ b', 1: 'it\\\'s \"so\"'}", ['a \\ b', 'it\'s "so"']],
    ["['a', 'b']", ['a', 'b']],
    ["{1: 'a'}", null],
    ['{}', null],
    [undefined, null],
  ];
  for (const [text, expected] of names) {
    test(`names written as ${text ?? 'nothing'} are ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(classNames(new Map(text === undefined ? [] : [['names', text]])), expected);
    });
  }

  test('gives the input size, height before width', () => {
    assert.deepEqual(inputSize(new Map([['imgsz', '[640, 640]']])), { width: 640, height: 640 });
    assert.deepEqual(inputSize(new Map([['imgsz', '320']])), { width: 320, height: 320 });
    assert.deepEqual(inputSize(new Map([['imgsz', '[480, 640]']])), { width: 640, height: 480 });
    assert.equal(inputSize(new Map()), null);
  });

  const endToEnd: readonly (readonly [key: string, value: string, is: boolean])[] = [
    ['end2end', 'True', true],
    ['end2end', 'False', false],
    ['args', "{'batch': 1, 'nms': True}", true],
    ['args', "{'batch': 1, 'nms': False}", false],
    ['names', "{0: 'nms'}", false],
  ];
  for (const [key, value, is] of endToEnd) {
    test(`${key} ${value} means ${is ? 'end to end' : 'nothing'}`, () => {
      assert.equal(isEndToEnd(new Map([[key, value]])), is);
    });
  }

  test('of any bytes is read without harm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        try {
          onnxMetadata(bytes);
        } catch (error) {
          assert.ok(error instanceof MalformedError);
        }
      }),
    );
  });
});
