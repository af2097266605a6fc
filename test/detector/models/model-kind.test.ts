import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { recognise, type OutputInfo } from '#src/detector/models/model-kind.js';
import type { ModelSpec } from '#src/detector/models/model-spec.js';
import { StartupError } from '#src/errors.js';
import { names, specOf } from './spec.js';

const square = (side: number) => ({ width: side, height: side });
const outputsOf = (shapes: readonly (readonly number[])[]): OutputInfo[] =>
  shapes.map((shape, index) => ({ name: `output${index}`, type: 'float32', shape }));

interface Case {
  readonly shapes: readonly (readonly number[])[];
  readonly size?: number;
  readonly said?: Partial<ModelSpec>;
  readonly needsNames?: boolean;
}

function read({ shapes, size = 640, said = {}, needsNames = true }: Case) {
  const outputs = outputsOf(shapes);
  const spec = specOf(said);
  const inputs = [{ name: 'images', type: 'float32', shape: [1, 3, size, size] }];
  return recognise(outputs, square(size), spec, { name: spec.name, inputs, outputs, classes: spec.classes }, needsNames);
}

function refusal(what: Case): string {
  try {
    read(what);
  } catch (error) {
    assert.ok(error instanceof StartupError);
    return `${error.message} — ${error.cure}`;
  }
  return assert.fail('it was recognised');
}

describe('a model is recognised', () => {
  const table: readonly (readonly [what: string, kind: string, Case])[] = [
    ['YOLOv5 of 80 classes', 'yolo-v5', { shapes: [[1, 25200, 85]], said: { classes: names(80) } }],
    ['YOLOv5 of two classes at 320', 'yolo-v5', { shapes: [[1, 6300, 7]], size: 320, said: { classes: names(2) } }],
    ['YOLOv6, one place a cell', 'yolo-v5', { shapes: [[1, 8400, 7]], said: { classes: names(2) } }],
    ['YOLOv8 of 80 classes', 'yolo-v8', { shapes: [[1, 84, 8400]], said: { classes: names(80) } }],
    ['YOLOv8 of two classes at 320', 'yolo-v8', { shapes: [[1, 6, 2100]], size: 320, said: { classes: names(2) } }],
    ['YOLOv8 with four strides', 'yolo-v8', { shapes: [[1, 5, 34000]], said: { classes: names(1) } }],
    ['YOLO of one class, v5 form, by its places', 'yolo-v5', { shapes: [[1, 25200, 6]], said: { classes: names(1) } }],
    ['YOLO of one class, end to end, by its places', 'end-to-end', { shapes: [[1, 300, 6]], said: { classes: names(1) } }],
    ['YOLOv10 of 80 classes', 'end-to-end', { shapes: [[1, 300, 6]], said: { classes: names(80) } }],
    ['one whose exporter says so', 'end-to-end', { shapes: [[1, 25200, 6]], said: { classes: names(1), isEndToEnd: true } }],
    ['a v8 whose exporter says that it is end to end', 'yolo-v8', { shapes: [[1, 6, 8400]], said: { classes: names(2), isEndToEnd: true } }],
    ['a classifier', 'classifier', { shapes: [[1, 8]], said: { classes: names(8) } }],
    ['v5 form without names, by its places', 'yolo-v5', { shapes: [[1, 25200, 6]], needsNames: false }],
    ['v5 form without names and unusual places, by the longer side', 'yolo-v5', { shapes: [[1, 1000, 9]], needsNames: false }],
    ['v8 form without names', 'yolo-v8', { shapes: [[1, 6, 8400]], needsNames: false }],
    ['v8 form without names and unusual places', 'yolo-v8', { shapes: [[1, 9, 1000]], needsNames: false }],
    ['end to end without names', 'end-to-end', { shapes: [[1, 300, 6]], needsNames: false }],
    ['what the sidecar says of an odd one', 'yolo-v5', { shapes: [[1, 300, 6]], said: { classes: names(1), kind: 'yolo-v5', task: 'detect' } }],
  ];
  for (const [what, kind, model] of table) {
    test(`${what}: ${JSON.stringify(model.shapes[0])} is ${kind}`, () => {
      assert.equal(read(model).kind, kind);
    });
  }

  test('beside the raw heads that old exports of YOLOv5 have', () => {
    const heads = [80, 40, 20].map((side) => [1, 3, side, side, 85]);
    const { kind, output } = read({ shapes: [...heads, [1, 25200, 85]], said: { classes: names(80) } });
    assert.deepEqual([kind, output.name], ['yolo-v5', 'output3']);
  });

  test('beside raw feature maps of a YOLOv8', () => {
    const heads = [80, 40, 20].map((side) => [1, 144, side, side]);
    assert.equal(read({ shapes: [[1, 84, 8400], ...heads], said: { classes: names(80) } }).kind, 'yolo-v8');
  });
});

describe('a model is refused', () => {
  test('that segments: by its task, or by its second output', () => {
    const shapes = [
      [1, 116, 8400],
      [1, 32, 160, 160],
    ];
    assert.match(refusal({ shapes, said: { task: 'segment' } }), /is made for another task, segment/);
    const said = { classes: names(112) };
    assert.match(
      refusal({ shapes, said }),
      /m\.onnx has more than one output.*found: input images: float32 \[1, 3, 640, 640\]; outputs output0: float32 \[1, 116, 8400\], output1: float32 \[1, 32, 160, 160\]; 112 class names — export a model with one output of the form \[1, n, 5 \+ classes\] \(yolo-v5\)/,
    );
  });

  for (const task of ['pose', 'obb']) {
    test(`whose task is ${task}`, () => {
      assert.match(refusal({ shapes: [[1, 56, 8400]], said: { task } }), new RegExp(`another task, ${task}`));
    });
  }

  test('with two outputs that could both be meant', () => {
    const said = { classes: names(2) };
    assert.match(refusal({ shapes: [[1, 2], [1, 2]], said }), /has several outputs that could be meant/);
  });

  test('with boxes and scores apart', () => {
    const shapes = [
      [1, 8400, 4],
      [1, 8400, 80],
    ];
    assert.match(refusal({ shapes, said: { classes: names(80) } }), /m\.onnx has|fits no kind/);
  });

  test('that fits no row, with all that was found and what would do', () => {
    assert.match(
      refusal({ shapes: [[1, 3, 64, 64]] }),
      /fits no kind that is served; found: .*output output0: float32 \[1, 3, 64, 64\]; no class names — .*\[1, 4 \+ classes, n\] \(yolo-v8\).*kind in the \.yaml/,
    );
    assert.match(refusal({ shapes: [[1, 1]], said: { classes: names(1) } }), /fits no kind/);
    assert.match(refusal({ shapes: [[4, 84, 8400]] }), /fits no kind/);
  });

  test('whose shapes do not agree with the sidecar', () => {
    const text = refusal({ shapes: [[1, 84, 8400]], said: { kind: 'classifier', task: 'classify' } });
    assert.match(text, /fits no kind.*of the form \[1, classes\] \(classifier\);/);
  });

  test('with another number of names than classes', () => {
    assert.match(
      refusal({ shapes: [[1, 6, 8400]], said: { classes: names(3) } }),
      /has 2 classes, but 3 names are given .*read as yolo-v8, \[1, 4 \+ classes, n\]/,
    );
    assert.match(refusal({ shapes: [[1, 300, 84]], said: { classes: names(80) } }), /has 79 classes, but 80 names/);
  });

  test('without names, where its classes are verdicts', () => {
    assert.match(refusal({ shapes: [[1, 84, 8400]] }), /does not say what its 80 classes are/);
    assert.match(refusal({ shapes: [[1, 300, 6]] }), /does not say what its classes are/);
  });

  test('that may be one of two, until the sidecar says which', () => {
    const shapes = [[1, 8, 8]];
    assert.match(refusal({ shapes, needsNames: false }), /may be yolo-v5 or yolo-v8.*say which by kind/);
    assert.equal(read({ shapes, said: { kind: 'yolo-v8' }, needsNames: false }).classCount, 4);
  });
});
