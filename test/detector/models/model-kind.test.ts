import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { recognise, type OutputInfo } from '#src/detector/models/model-kind.js';
import type { Size } from '#src/detector/images/frame.js';
import type { ModelSpec } from '#src/detector/models/model-spec.js';
import { StartupError } from '#src/errors.js';
import { names, specOf } from './spec.js';

const square = (side: number) => ({ width: side, height: side });

function outputsOf({ shapes, types = [], holdsDetections }: Case): OutputInfo[] {
  return shapes.map((shape, index) => ({
    name: `output${index}`,
    type: types[index] ?? 'float32',
    shape,
    ...(holdsDetections === undefined ? {} : { holdsDetections }),
  }));
}

interface Case {
  readonly shapes: readonly (readonly number[])[];
  /** float32 where left out. */
  readonly types?: readonly string[];
  /** What was seen of the answer to a grey picture. */
  readonly holdsDetections?: boolean;
  readonly size?: number | Size;
  readonly said?: Partial<ModelSpec>;
  readonly needsNames?: boolean;
}

function read(model: Case) {
  const { size = 640, said = {}, needsNames = true } = model;
  const outputs = outputsOf(model);
  const spec = specOf(said);
  const input = typeof size === 'number' ? square(size) : size;
  const inputs = [{ name: 'images', type: 'float32', shape: [1, 3, input.height, input.width] }];
  return recognise(outputs, input, spec, { name: spec.name, inputs, outputs, classes: spec.classes }, needsNames);
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
    ['a classifier that does not flatten', 'classifier', { shapes: [[1, 8, 1, 1]], said: { classes: names(8) } }],
    ['a classifier of two classes with one number', 'classifier', { shapes: [[1, 1]], said: { classes: names(2) } }],
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

  // A network of two strides with three anchors has as many places at this size as an end-to-end one tells of.
  const alike = { shapes: [[1, 300, 6]], size: { width: 160, height: 128 } };
  for (const said of [{}, { classes: names(1) }]) {
    const who = 'classes' in said ? 'of one class' : 'without names';
    test(`${who}, whose places could be either's, by what it answers to a grey picture`, () => {
      const kindOf = (holdsDetections: boolean) =>
        read({ ...alike, said, needsNames: false, holdsDetections }).kind;
      assert.equal(kindOf(true), 'end-to-end');
      assert.equal(kindOf(false), 'yolo-v5');
    });
  }

  const deciders: readonly (readonly [decidedBy: string, Case])[] = [
    ['its form', { shapes: [[1, 8]], said: { classes: names(8) } }],
    ['kind in the .yaml file', { shapes: [[1, 300, 6]], said: { classes: names(1), kind: 'yolo-v5' } }],
    ['its exporter', { shapes: [[1, 300, 6]], said: { classes: names(1), isEndToEnd: true } }],
    ['the number of class names', { shapes: [[1, 300, 6]], said: { classes: names(2) } }],
    ['what it answers to a grey picture', { ...alike, said: { classes: names(1) }, holdsDetections: true }],
    ['the number of its places', { shapes: [[1, 6, 8400]], needsNames: false }],
    ['its longer side', { shapes: [[1, 9, 1000]], needsNames: false }],
  ];
  for (const [decidedBy, model] of deciders) {
    test(`and it is known what decided: ${decidedBy}`, () => {
      assert.equal(read(model).decidedBy, decidedBy);
    });
  }

  test('beside what a classifier also says: features, maps, whole numbers', () => {
    const beside = { shapes: [[1, 8], [1, 1280, 7, 7], [1, 8], [1, 1280]], types: ['float32', 'float32', 'int64'] };
    assert.equal(read({ ...beside, said: { classes: names(8) } }).output.name, 'output0');
  });

  test('by the output that the sidecar names, whatever is beside it', () => {
    const shapes = [[1, 2], [1, 2], [1, 32, 160, 160]];
    const said = { classes: names(2), output: 'output1' };
    assert.equal(read({ shapes, said }).output.name, 'output1');
  });

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
      /m\.onnx has more than one output.*found: input images: float32 \[1, 3, 640, 640\]; outputs output0: float32 \[1, 116, 8400\], output1: float32 \[1, 32, 160, 160\]; 112 class names — export a model with one output, float32 or float16, of the form \[1, n, 5 \+ classes\] \(yolo-v5\)/,
    );
  });

  for (const task of ['pose', 'obb']) {
    test(`whose task is ${task}`, () => {
      assert.match(refusal({ shapes: [[1, 56, 8400]], said: { task } }), new RegExp(`another task, ${task}`));
    });
  }

  test('with two outputs that could both be meant', () => {
    const said = { classes: names(2) };
    assert.match(
      refusal({ shapes: [[1, 2], [1, 2]], said }),
      /has several outputs that could be meant; found: .*outputs output0: float32 \[1, 2\], output1: float32 \[1, 2\];.* — name the one to be used by output in the \.yaml file/,
    );
    assert.match(refusal({ shapes: [[1, 2], [1, 6, 8400]], said }), /has several outputs that could be meant/);
  });

  test('without the output that its sidecar names, with those that it has', () => {
    const said = { classes: names(2), output: 'logits' };
    assert.match(
      refusal({ shapes: [[1, 2], [1, 2]], said }),
      /has no output logits; it has output0, output1 — correct output in the \.yaml file/,
    );
  });

  test('with one number for any other number of classes than two', () => {
    const refused = /answers one number, which tells two classes apart, but .* — list two names .*first what a low number means/;
    for (const count of [1, 3]) assert.match(refusal({ shapes: [[1, 1]], said: { classes: names(count) } }), refused);
    assert.match(refusal({ shapes: [[1, 1]] }), /does not say what its 2 classes are/);
  });

  test('whose output is no float', () => {
    assert.match(
      refusal({ shapes: [[1, 84, 8400]], types: ['float64'], said: { classes: names(80) } }),
      /fits no kind that is served; found: .*float64.*float32 or float16/,
    );
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
    assert.match(refusal({ shapes: [[4, 84, 8400]] }), /fits no kind/);
  });

  test('whose shapes do not agree with the sidecar', () => {
    const text = refusal({ shapes: [[1, 84, 8400]], said: { kind: 'classifier', task: 'classify' } });
    assert.match(text, /fits no kind.*of the form \[1, classes\] or \[1, classes, 1, 1\] \(classifier\);/);
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
