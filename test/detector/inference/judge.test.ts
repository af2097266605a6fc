// Models that load, but do not behave; written here, byte by byte.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { writeOnnx, type OnnxGraph } from '#src/cli/bench/onnx-writer.js';
import { implausible } from '#src/detector/inference/outputs/plausible.js';
import { openJudge } from '#src/detector/inference/judge.js';
import { StartupError } from '#src/errors.js';
import { sample } from '../../support/pictures.js';

const folder = mkdtempSync(join(tmpdir(), 'pear-judge-'));
after(() => {
  rmSync(folder, { recursive: true });
});
const runtime = { threads: 1, memoryArena: true };
const limits = { maxPixels: 5_000_000, timeoutMs: 10_000 };

/** A network that answers the mean of its picture (0 to 1) times `factors`, plus `offsets`, in the shape `[1, …]`. */
function answering(
  shape: readonly number[],
  factors: readonly number[],
  offsets: readonly number[],
  input: readonly (number | string)[] = [1, 3, 32, 32],
): OnnxGraph {
  const floats = (name: string, values: readonly number[]) => ({
    name,
    type: 'float32' as const,
    shape,
    data: Float32Array.from(values),
  });
  return {
    inputs: [{ name: 'images', type: 'float32', shape: input }],
    outputs: [{ name: 'out', type: 'float32', shape }],
    tensors: [floats('factors', factors), floats('offsets', offsets)],
    nodes: [
      { op: 'ReduceMean', inputs: ['images'], outputs: ['mean'], attributes: { keepdims: 0 } },
      { op: 'Mul', inputs: ['mean', 'factors'], outputs: ['scaled'] },
      { op: 'Add', inputs: ['scaled', 'offsets'], outputs: ['out'] },
    ],
    metadata: { names: "{0: 'a', 1: 'b'}" },
  };
}

const overrides = { classes: null, imgSize: null, confidenceThreshold: null };

function place(name: string, graph: OnnxGraph, sidecar: string): string {
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, writeOnnx(graph));
  writeFileSync(join(folder, `${name}.yaml`), sidecar);
  return path;
}

async function open(name: string, graph: OnnxGraph, sidecar = '') {
  const modelPath = place(name, graph, sidecar);
  return openJudge({ modelPath, preprocessorPath: null, overrides, runtime }, limits);
}

async function refusal(name: string, graph: OnnxGraph, sidecar = ''): Promise<string> {
  try {
    await (await open(name, graph, sidecar)).release();
  } catch (error) {
    assert.ok(error instanceof StartupError);
    return `${error.message} — ${error.cure}`;
  }
  return assert.fail('it was taken');
}

describe('a classifier', () => {
  test('that answers with what is no number is refused', async () => {
    assert.match(
      await refusal('nan', answering([1, 2], [NaN, 1], [0, 0])),
      /nan\.onnx answers a grey picture with something that is no number/,
    );
  });

  test('whose answers look like probabilities gives them as they are', async () => {
    const judge = await open('softmax', answering([1, 2], [0, 0], [0.25, 0.75]));
    const [verdict] = await (await judge.decode(await sample('normal-01.jpg')))();
    assert.deepEqual(verdict, { classIndex: 1, confidence: 0.75, box: null });
    await judge.release();
  });

  test('that does not flatten its answer is one all the same', async () => {
    const judge = await open('unflat', answering([1, 2, 1, 1], [0, 0], [0.25, 0.75]));
    const [verdict] = await (await judge.decode(await sample('normal-01.jpg')))();
    assert.deepEqual(verdict, { classIndex: 1, confidence: 0.75, box: null });
    await judge.release();
  });

  test('of one number is read as its sidecar says, and refused where that says nothing', async () => {
    const graph = answering([1, 1], [0], [0.75]);
    assert.match(
      await refusal('one', graph),
      /answers with one number, which may be logits or probabilities — say scores: logits .* or scores: probabilities/,
    );
    const confidence = async (scores: string) => {
      const judge = await open('one', graph, `scores: ${scores}`);
      const [verdict] = await (await judge.decode(await sample('normal-01.jpg')))();
      await judge.release();
      assert.equal(verdict?.classIndex, 1);
      return verdict.confidence;
    };
    assert.equal(await confidence('probabilities'), 0.75);
    assert.ok(Math.abs((await confidence('logits')) - 1 / (1 + Math.exp(-0.75))) < 1e-6);
  });

  test('whose answers cannot be the probabilities that its sidecar promises is refused', async () => {
    assert.match(
      await refusal('beyond', answering([1, 1], [0], [3]), 'scores: probabilities'),
      /not from 0 to 1, but its \.yaml file says that they are probabilities — say scores: logits/,
    );
  });

  test('of open size must be told which', async () => {
    const graph = answering([1, 2], [1, 1], [0, 0], ['batch', 3, 'height', 'width']);
    assert.match(await refusal('open', graph), /takes images of any size and does not say which.*img_size/);
    await (await open('open', graph, 'img_size: 64')).release();
  });
});

describe('a detector', () => {
  test('that answers with what is no number is refused', async () => {
    const graph = answering([1, 1, 6], Array<number>(6).fill(NaN), Array<number>(6).fill(0));
    assert.match(await refusal('nothing', graph), /answers a grey picture with something that is no number/);
  });

  /** In the form of YOLO v8 at 32 × 32: 21 places, each with the same six numbers. */
  const eight = (...numbers: readonly number[]) =>
    answering(
      [1, 6, 21],
      Array<number>(6 * 21).fill(0),
      numbers.flatMap((number) => Array<number>(21).fill(number)),
    );

  test('whose scores lack their sigmoid is refused', async () => {
    assert.match(
      await refusal('raw', eight(16, 16, 8, 8, 7.5, -3)),
      /a score of it is 7\.50, not from 0 to 1/,
    );
  });

  test('whose boxes are shares of the picture is refused', () => {
    const places = 84;
    const numbers = [0.5, 0.5, 0.2, 0.2, 0.9, 0].flatMap((number) => Array<number>(places).fill(number));
    const output = { data: Float32Array.from(numbers), dims: [1, 6, places] };
    assert.match(implausible('yolo-v8', output) ?? '', /shares of the picture/);
    assert.equal(
      implausible('yolo-v8', { ...output, data: output.data.map((n) => (n === 0.5 ? 320 : n)) }),
      null,
    );
  });

  test('of one class is read by its answer, where its shape could be of two kinds', async () => {
    // At 160 × 128 a network of two strides and three anchors has 300 places.
    const rows = (row: (index: number) => number[]) => {
      const numbers = Array.from({ length: 300 }, (_, index) => row(index)).flat();
      const graph = answering([1, 300, 6], Array<number>(1800).fill(0), numbers, [1, 3, 128, 160]);
      return { ...graph, metadata: { names: "{0: 'pear'}" } };
    };
    const endToEnd = rows((index) => (index === 0 ? [10, 20, 90, 100, 0.9, 0] : [0, 0, 0, 0, 0, 0]));
    const five = rows((index) => [50, 60, 80, 80, index === 0 ? 0.95 : 0.01, 0.9]);
    for (const [name, graph, kind] of [
      ['rows-of-detections', endToEnd, 'end-to-end'],
      ['rows-of-places', five, 'yolo-v5'],
    ] as const) {
      const judge = await open(name, graph);
      assert.match(
        judge.model.readAs.join(),
        new RegExp(`was read as ${kind} \\(told by what it answers to a grey picture\\)`),
      );
      const found = await (await judge.decode(await sample('normal-01.jpg')))();
      assert.equal(found.length, 1);
      await judge.release();
    }
  });

  test('that finds something in the padding only finds nothing', async () => {
    const judge = await open('padding', eight(16, 1, 8, 2, 0.9, 0));
    assert.deepEqual(await (await judge.decode(await sample('normal-01.jpg')))(), []);
    await judge.release();
  });

  test('in end-to-end form whose last number is no class is refused', async () => {
    const graph = answering([1, 1, 6], Array<number>(6).fill(0), [1, 1, 2, 2, 0.5, 0.5]);
    assert.match(await refusal('scores', graph), /read as end-to-end.*the last of six numbers is no class/);
  });

  test('whose box lies anywhere is told of inside the picture', async () => {
    const judge = await open(
      'found',
      answering([1, 1, 6], Array<number>(6).fill(0), [-9, -9, 16, 99, 0.75, 1]),
    );
    const [found] = await (await judge.decode(await sample('normal-01.jpg')))();
    assert.deepEqual(found, { classIndex: 1, confidence: 0.75, box: [0, 0, 512, 768] });
    await judge.release();
  });
});

describe('of two stages', () => {
  /** Finds a worm, and less surely a pear. */
  const finder = answering([1, 2, 6], Array<number>(12).fill(0), [
    ...[1, 1, 8, 8, 0.9, 0],
    ...[4, 4, 30, 30, 0.75, 1],
  ]);
  const named = { ...finder, metadata: { names: "{0: 'worm', 1: 'pear'}" } };
  const nameless = { ...finder, metadata: {} };
  const modelPath = place('grades', answering([1, 2], [0, 0], [0.25, 0.75]), '');

  const openBoth = (name: string, graph: OnnxGraph, sidecar = '') =>
    openJudge({ modelPath, preprocessorPath: place(name, graph, sidecar), overrides, runtime }, limits);

  const boxOf = async (name: string, graph: OnnxGraph, sidecar = '') => {
    const judge = await openBoth(name, graph, sidecar);
    const [verdict] = await (await judge.decode(await sample('normal-01.jpg')))();
    await judge.release();
    return verdict?.box?.map(Math.round);
  };

  test('the best box of any class is the pear, where none is named', async () => {
    assert.deepEqual(await boxOf('any', named), [32, 0, 256, 128]);
    assert.deepEqual(await boxOf('nameless', nameless), [32, 0, 256, 128]);
  });

  test('the best box of the class that the sidecar of the finder names is the pear', async () => {
    assert.deepEqual(await boxOf('pear', named, 'pear_class: pear'), [128, 0, 960, 768]);
    assert.deepEqual(
      await boxOf('told', nameless, 'classes: [worm, pear]\npear_class: pear'),
      [128, 0, 960, 768],
    );
  });

  test('a class that the finder does not have is refused', async () => {
    await assert.rejects(openBoth('apple', named, 'pear_class: apple'), (error) => {
      assert.ok(error instanceof StartupError);
      assert.match(error.message, /apple\.onnx has no class apple; it has worm, pear/);
      return true;
    });
    await assert.rejects(openBoth('nobody', nameless, 'pear_class: pear'), /it does not name its classes/);
  });

  test('each has its line for the log: how it was read, and what decided it', async () => {
    const judge = await openBoth('lines', named, 'pear_class: pear\nconfidence_threshold: 0.7');
    assert.deepEqual(judge.model.readAs, [
      'lines.onnx was read as end-to-end (told by the number of class names): input float32 [1, 3, 32, 32], output out [1, 2, 6]; ' +
        'pictures of 32 × 32 (fixed in the graph), letterbox, opencv-linear; classes worm, pear (by its metadata); ' +
        'what is above 0.7 counts; overlaps are settled in the graph; pears are its boxes of pear',
      'grades.onnx was read as classifier (told by its form): input float32 [1, 3, 32, 32], output out [1, 2]; ' +
        'pictures of 32 × 32 (fixed in the graph), stretch, linear; classes a, b (by its metadata); ' +
        'probabilities (by trying); the best class counts',
    ]);
    await judge.release();
  });
});
