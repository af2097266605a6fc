// The two generations of the Python server as configurations of this one, each written as it was there: a detector whose
// classes are the verdicts, and a detector that finds the pear for a classifier. The networks are small ones of our own;
// what they must say was said by the reference implementations (test/detector/golden/make.py).
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { z } from 'zod';
import { PearClient, type ClassifiedImage } from '#src/client/pear-client.js';
import { runServer, startServer } from '../support/server.js';

const found = z.object({ class: z.int(), score: z.number(), box: z.array(z.number()) });
const golden = z
  .object({
    detectors: z.array(
      z.object({ model: z.string(), confidence: z.number(), answers: z.record(z.string(), z.array(found)) }),
    ),
    starter: z.object({ confidence: z.number() }),
    twoStages: z.object({ answers: z.record(z.string(), found.nullable()) }),
  })
  .parse(JSON.parse(readFileSync('test/detector/golden/golden.json', 'utf8')));
const yolo = golden.detectors.find(({ model }) => model === 'v8');

const folder = mkdtempSync(join(tmpdir(), 'pear-generations-'));
after(() => {
  rmSync(folder, { recursive: true });
});
for (const model of ['v8', 'classifier']) {
  copyFileSync(`test/detector/golden/models/${model}.onnx`, join(folder, `${model}.onnx`));
}

copyFileSync('models/pear-starter.onnx', join(folder, 'finder.onnx'));

/** A configuration file as the Python server reads it. */
function configuration(name: string, model: string): string {
  const path = join(folder, name);
  writeFileSync(
    path,
    `server:\n  buffer_size: 1024\nmodel:\n${model}  img_path: models/samples\n  device: cuda:0\n`,
  );
  return path;
}

const grades = Array.from({ length: 8 }, (_, index) => `grade-${index}`);
const first = configuration(
  'first.yaml',
  `  model_path: ${folder}/v8.pt
  preprocessor_path: ''
  confidence_threshold: ${yolo?.confidence}
  img_size: [320, 320]
  classes: [defected_pear, normal_pear]
`,
);
const second = configuration(
  'second.yaml',
  `  preprocessor_path: ${folder}/finder.pt
  model_path: ${folder}/classifier.pt
  confidence_threshold: ${golden.starter.confidence}
  img_size: 96
  num_classes: 8
  classes: [${grades.join(', ')}]
`,
);

async function classified(port: number, names: readonly string[]): Promise<readonly ClassifiedImage[]> {
  const client = await PearClient.connect({ host: '127.0.0.1', port });
  try {
    const images = names.map((name) => {
      const [where, file = ''] = name.split('/');
      const path =
        where === 'samples' ? join('models/samples', file) : join('test/detector/golden/pictures', file);
      return { fileName: file, bytes: readFileSync(path) };
    });
    return await client.classify(images, { detail: true });
  } finally {
    await client.close();
  }
}

function assertBox(box: readonly number[] | null | undefined, expected: readonly number[]): void {
  assert.equal(box?.length, 4);
  expected.forEach((side, index) => {
    assert.ok(Math.abs(side - (box[index] ?? NaN)) <= 2, `${box.join()} in place of ${expected.join()}`);
  });
}

describe('a configuration of the Python server', () => {
  test('with a detector of two classes gives the class and the box of the best one', async (t) => {
    // Pictures are scaled as OpenCV does, so that scores agree whatever the network.
    writeFileSync(join(folder, 'v8.yaml'), 'input: {interpolation: opencv-linear}\n');
    const { port } = await startServer(t, '--config', first, '--cluster.workers', '1');
    const answers = yolo?.answers ?? {};
    const items = await classified(port, Object.keys(answers));
    Object.values(answers).forEach(([best], index) => {
      const item = items[index];
      assert.equal(item?.result, best?.class ?? -1);
      if (best === undefined) return;
      assert.equal(item.label, ['defected_pear', 'normal_pear'][best.class]);
      assert.ok(Math.abs((item.confidence ?? NaN) - best.score) <= 0.01);
      assertBox(item.bbox, best.box);
    });
  });

  test('with a detector and a classifier gives the class of the pear that was cut out, and where it is', async (t) => {
    writeFileSync(join(folder, 'finder.yml'), 'pear_class: apple\n');
    const { port, lines } = await startServer(t, '--config', second, '--cluster.workers', '1');
    const said = lines.map(({ msg }) => msg);
    assert.ok(said.some((line) => line.includes('finder.yml is not read')));
    const [found, graded] = said.filter((line) => line.includes(' was read as '));
    assert.match(found ?? '', /^finder\.onnx was read as yolo-v8 .*; pears are its boxes of each class$/);
    assert.match(graded ?? '', /^classifier\.onnx was read as classifier .*\(by the configuration\)/);
    const { answers } = golden.twoStages;
    const items = await classified(port, Object.keys(answers));
    Object.values(answers).forEach((pear, index) => {
      const item = items[index];
      assert.equal(item?.result, pear?.class ?? -1);
      assert.equal(item.detections?.length, pear === null ? 0 : 1);
      if (pear === null) return;
      assert.equal(item.label, `grade-${pear.class}`);
      assert.equal(item.model?.name, 'classifier.onnx');
      assert.ok(Math.abs((item.confidence ?? NaN) - pear.score) <= 0.02);
      assertBox(item.bbox, pear.box);
    });
  });
});

describe('a classifier alone', () => {
  const alone = ['--model.model_path', join(folder, 'classifier.onnx'), '--cluster.workers', '1'];

  test('judges the whole image and tells of no box', async (t) => {
    const { port } = await startServer(t, ...alone);
    const [item] = await classified(port, ['samples/normal-01.jpg']);
    assert.ok(item !== undefined && (item.result ?? -1) >= 0);
    assert.equal(item.bbox, null);
    assert.equal(item.detections?.[0]?.bbox, null);
    assert.equal(item.detections[0].label, item.label);
  });

  test('below the threshold that is set says no pear', async (t) => {
    const { port } = await startServer(t, ...alone, '--model.confidence_threshold', '1');
    const [item] = await classified(port, ['samples/normal-01.jpg']);
    assert.deepEqual([item?.result, item?.label, item?.detections], [-1, null, []]);
  });
});

describe('two models that do not go together are refused:', () => {
  const refusals: readonly (readonly [what: string, args: readonly string[], words: RegExp])[] = [
    [
      'a detector behind a detector',
      ['--model.preprocessor_path', join(folder, 'v8.onnx'), '--model.model_path', join(folder, 'v8.onnx')],
      /v8\.onnx finds pears itself \(yolo-v8\).*set model\.preprocessor_path to null/,
    ],
    [
      'a classifier that is to find the pear',
      [
        '--model.preprocessor_path',
        join(folder, 'classifier.onnx'),
        '--model.model_path',
        join(folder, 'classifier.onnx'),
      ],
      /classifier\.onnx is a classifier and finds no pear/,
    ],
    [
      'one that is missing',
      [
        '--model.preprocessor_path',
        join(folder, 'none.onnx'),
        '--model.model_path',
        join(folder, 'classifier.onnx'),
      ],
      /none\.onnx is not there or cannot be read.*set model\.preprocessor_path/,
    ],
  ];
  for (const [what, args, words] of refusals) {
    test(what, async () => {
      const { exitCode, errors } = await runServer(...args, '--cluster.workers', '1');
      assert.notEqual(exitCode, 0);
      assert.match(errors, words);
    });
  }
});
