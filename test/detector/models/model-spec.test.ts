// What is said of a model, and who wins: the configuration, the file beside the model, the model itself.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { writeOnnx } from '#src/cli/bench/onnx-writer.js';
import { readModel, type ModelOverrides, type ModelSpec } from '#src/detector/models/model-spec.js';
import { unreadSidecar } from '#src/detector/models/sidecar.js';
import { StartupError } from '#src/errors.js';

const folder = mkdtempSync(join(tmpdir(), 'pear-spec-'));
after(() => {
  rmSync(folder, { recursive: true });
});

const silent: ModelOverrides = { classes: null, imgSize: null, confidenceThreshold: null };
const reading = { key: 'model.model_path', maxBytes: 1_000_000 };
let count = 0;

/** What is read of a model with such metadata and such a sidecar. */
async function specOf(
  metadata: Readonly<Record<string, string>>,
  sidecar: string | null = null,
  overrides: Partial<ModelOverrides> = {},
): Promise<ModelSpec> {
  const path = join(folder, `model-${++count}.onnx`);
  writeFileSync(path, writeOnnx({ inputs: [], outputs: [], tensors: [], nodes: [], metadata }));
  if (sidecar !== null) writeFileSync(path.replace('.onnx', '.yaml'), sidecar);
  const { spec } = await readModel(path, { ...silent, ...overrides }, reading);
  return spec;
}

const names = { names: "{0: 'm0', 1: 'm1'}" };

describe('what is said of a model', () => {
  test('are the classes of the configuration, else of the sidecar, else of the model', async () => {
    const sidecar = 'classes: [s0, s1]';
    assert.deepEqual((await specOf(names, sidecar, { classes: ['c0', 'c1'] })).classes, ['c0', 'c1']);
    assert.deepEqual((await specOf(names, sidecar)).classes, ['s0', 's1']);
    assert.deepEqual((await specOf(names)).classes, ['m0', 'm1']);
    assert.equal((await specOf({})).classes, null);
    const from = async (...args: Parameters<typeof specOf>) => (await specOf(...args)).classesFrom;
    assert.equal(await from(names, sidecar, { classes: ['c0', 'c1'] }), 'configuration');
    assert.equal(await from(names, sidecar), 'sidecar');
    assert.equal(await from(names), 'metadata');
    assert.equal(await from({}), null);
  });

  test('is the size of the configuration, else of the sidecar, else of the model, and who said it', async () => {
    const metadata = { imgsz: '[96, 128]' };
    const sidecar = 'img_size: [192, 256]';
    const size = async (...args: Parameters<typeof specOf>) => (await specOf(...args)).size;
    assert.deepEqual(await size(metadata, sidecar, { imgSize: 320 }), {
      width: 320,
      height: 320,
      from: 'configuration',
    });
    assert.deepEqual(await size(metadata, sidecar), { width: 256, height: 192, from: 'sidecar' });
    assert.deepEqual(await size(metadata), { width: 128, height: 96, from: 'metadata' });
    for (const imgsz of ['[0, 0]', '640.0', '[640, 640, 3]', 'x']) assert.equal(await size({ imgsz }), null, imgsz);
  });

  test('is the threshold of the configuration, else of the sidecar, else nobody has said one', async () => {
    const sidecar = 'confidence_threshold: 0.7';
    assert.equal((await specOf({}, sidecar, { confidenceThreshold: 0.3 })).confidenceThreshold, 0.3);
    assert.equal((await specOf({}, sidecar)).confidenceThreshold, 0.7);
    assert.equal((await specOf({})).confidenceThreshold, null);
  });

  test('are 0.45 and suppression by class where nobody says more of overlaps', async () => {
    const { iouThreshold, suppressAcrossClasses } = await specOf({});
    assert.deepEqual([iouThreshold, suppressAcrossClasses], [0.45, false]);
    const said = await specOf({}, 'iou_threshold: 0.6\nagnostic_nms: true\nscores: logits');
    assert.deepEqual([said.iouThreshold, said.suppressAcrossClasses, said.scores], [0.6, true, 'logits']);
  });

  test('is the task of the sidecar, else of the model', async () => {
    assert.equal((await specOf({ task: 'segment' }, 'task: detect')).task, 'detect');
    assert.equal((await specOf({ task: 'segment' })).task, 'segment');
  });
});

test('a file NAME.yml beside a model, which nobody reads, is told of with the name that is read', async () => {
  const path = join(folder, 'odd.onnx');
  assert.equal(await unreadSidecar(path), null);
  writeFileSync(join(folder, 'odd.yml'), 'classes: [a]');
  assert.equal(
    await unreadSidecar(path),
    `${folder}/odd.yml is not read; what describes the model has to be in ${folder}/odd.yaml`,
  );
});

describe('a model is refused', () => {
  test('where its weights are in another file, with the way to write one', async () => {
    // A tensor (field 5 of the graph, field 7 of the model) whose external_data (field 13) names the file.
    const text = (field: number, value: Buffer) =>
      Buffer.concat([Buffer.of(field * 8 + 2, value.length), value]);
    const entry = Buffer.concat([text(1, Buffer.from('location')), text(2, Buffer.from('w.onnx.data'))]);
    const path = join(folder, 'external.onnx');
    writeFileSync(path, text(7, text(5, text(13, entry))));
    await assert.rejects(
      readModel(path, silent, reading),
      (error) =>
        error instanceof StartupError &&
        /keeps its weights in another file, w\.onnx\.data/.test(error.message) &&
        /external_data=False/.test(error.cure),
    );
  });

  test('never slowly: names of any length and form are read at once', async () => {
    // Far more than any exporter writes; read letter by letter again and again they would take hours.
    const odd = [`{0: "${'\\"'.repeat(100_000)}`, '1'.repeat(100_000)];
    for (const text of odd) assert.equal((await specOf({ names: text })).classes, null);
  });
});
