// The detector against the reference implementations: what ultralytics, torchvision and timm answer for the same networks
// and pictures, as test/detector/golden/make.py has written it down.
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import sharp from 'sharp';
import { z } from 'zod';
import { gaussian, seededRandom } from '#src/cli/bench/random.js';
import { decodeFramed } from '#src/detector/images/image-decoder.js';
import type { Framing } from '#src/detector/images/frame.js';
import { openJudge } from '#src/detector/inference/judge.js';
import type { Detection } from '#src/detector/inference/thread-answer.js';

const folder = 'test/detector/golden';
const box = z.tuple([z.number(), z.number(), z.number(), z.number()]);
const verdict = z.object({ class: z.int(), score: z.number() });
const found = verdict.extend({ box });
const golden = z
  .object({
    iou: z.number(),
    starter: z.object({ confidence: z.number(), answers: z.record(z.string(), z.array(found)) }),
    detectors: z.array(
      z.object({
        model: z.string(),
        kind: z.string(),
        agnostic: z.boolean(),
        confidence: z.number(),
        answers: z.record(z.string(), z.array(found)),
      }),
    ),
    classifiers: z.array(z.object({ model: z.string(), answers: z.record(z.string(), verdict) })),
    twoStages: z.object({
      finder: z.string(),
      model: z.string(),
      answers: z.record(z.string(), found.nullable()),
    }),
  })
  .parse(JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8')));

const runtime = { threads: 1, memoryArena: true };
const limits = { maxPixels: 5_000_000, timeoutMs: 10_000 };
const models = mkdtempSync(join(tmpdir(), 'pear-golden-'));
after(() => {
  rmSync(models, { recursive: true });
});

/** Puts a golden network with a sidecar where it can be loaded from. */
function place(model: string, sidecar = ''): string {
  const path = join(mkdtempSync(join(models, 'm-')), `${model}.onnx`);
  copyFileSync(join(folder, 'models', `${model}.onnx`), path);
  writeFileSync(path.replace('.onnx', '.yaml'), sidecar);
  return path;
}

function picture(name: string): Buffer {
  const [where, file = ''] = name.split('/');
  return readFileSync(where === 'samples' ? join('models/samples', file) : join(folder, 'pictures', file));
}

async function judged(
  paths: { readonly modelPath: string; readonly preprocessorPath?: string },
  names: readonly string[],
  confidenceThreshold: number | null = null,
): Promise<Map<string, readonly Detection[]>> {
  const overrides = { classes: null, imgSize: null, confidenceThreshold };
  const judge = await openJudge({ preprocessorPath: null, ...paths, overrides, runtime }, limits);
  const answers = new Map<string, readonly Detection[]>();
  for (const name of names) answers.set(name, await (await judge.decode(picture(name)))());
  await judge.release();
  return answers;
}

interface Tolerance {
  /** Pixels of the picture. */
  readonly box: number;
  readonly score: number;
  /** Of scores from 0.05 to 0.95, where they may be further off. */
  readonly doubtful?: number;
}

/** Gives how far the box is off that is farthest off, in pixels of the picture. */
function assertAlike(
  name: string,
  ours: readonly Detection[],
  theirs: readonly z.output<typeof found>[],
  tolerance: Tolerance,
): number {
  assert.deepEqual(
    ours.map(({ classIndex }) => classIndex),
    theirs.map((one) => one.class),
    `${name}: the same classes in the same order`,
  );
  let farthest = 0;
  theirs.forEach((one, index) => {
    const { box: ourBox, confidence } = ours[index] ?? { box: null, confidence: NaN };
    const off = Math.max(...one.box.map((side, at) => Math.abs(side - (ourBox?.[at] ?? NaN))));
    assert.ok(off <= tolerance.box, `${name}: box ${index} is ${off} pixels off`);
    farthest = Math.max(farthest, off);
    const wrong = Math.abs(one.score - confidence);
    const isSure = Math.abs(one.score - 0.5) > 0.45;
    const most = isSure ? tolerance.score : (tolerance.doubtful ?? tolerance.score);
    assert.ok(wrong <= most, `${name}: score ${index} is ${wrong} off`);
  });
  return farthest;
}

/** What people may rely on: docs/models.md states it. */
const promised = { box: 2, score: 0.01 };

describe('a detector finds what ultralytics finds', () => {
  for (const { model, kind, agnostic, confidence, answers } of golden.detectors) {
    test(`${model} (${kind})`, async () => {
      const modelPath = place(
        model,
        `iou_threshold: ${golden.iou}\nagnostic_nms: ${agnostic}\ninput: {interpolation: opencv-linear}\n`,
      );
      for (const [name, ours] of await judged({ modelPath }, Object.keys(answers), confidence)) {
        assertAlike(name, ours, answers[name] ?? [], promised);
      }
    });
  }

  // Networks of random weights answer to every change of a pixel; this one was trained.
  // Where it doubts, a score is steep: one step of a pixel moves it further than where it is sure.
  const tolerances = { 'opencv-linear': promised, cubic: { ...promised, doubtful: 0.03 } };
  for (const [interpolation, tolerance] of Object.entries(tolerances)) {
    test(`pear-starter, whose pictures are scaled by ${interpolation}`, async () => {
      const modelPath = join(mkdtempSync(join(models, 'm-')), 'pear-starter.onnx');
      copyFileSync('models/pear-starter.onnx', modelPath);
      const sidecar = `agnostic_nms: true\ninput: {interpolation: ${interpolation}}\n`;
      writeFileSync(modelPath.replace('.onnx', '.yaml'), sidecar);
      const { answers, confidence } = golden.starter;
      for (const [name, ours] of await judged({ modelPath }, Object.keys(answers), confidence)) {
        assertAlike(name, ours, answers[name] ?? [], tolerance);
      }
    });
  }
});

/** A picture as large as a camera's, with the noise of a sensor: what averages and what does not differ most on such ones. */
async function photo(name: string): Promise<Buffer> {
  const [width, height] = [2048, 1536];
  const pixels = await sharp(picture(name)).resize(width, height, { kernel: 'cubic' }).raw().toBuffer();
  const random = seededRandom(1);
  const noise = Float32Array.from({ length: 65_536 }, () => 4 * gaussian(random));
  const noisy = new Uint8ClampedArray(pixels);
  // In large steps through the table, so that no row is like its neighbours.
  for (let at = 0, from = 0; at < noisy.length; at++, from = (from + 40_503) % noise.length) {
    noisy[at] = (noisy[at] ?? 0) + (noise[from] ?? 0);
  }
  return sharp(noisy, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 90 })
    .toBuffer();
}

test('the default way of scaling gives the verdicts of OpenCV on large photos, too: scores within 0.01, boxes within five pixels of the input', async () => {
  const side = 320;
  const open = async (interpolation: string | null) => {
    const modelPath = join(mkdtempSync(join(models, 'm-')), 'pear-starter.onnx');
    copyFileSync('models/pear-starter.onnx', modelPath);
    const input = interpolation === null ? '' : `input: {interpolation: ${interpolation}}\n`;
    writeFileSync(modelPath.replace('.onnx', '.yaml'), `agnostic_nms: true\n${input}`);
    const overrides = { classes: null, imgSize: null, confidenceThreshold: golden.starter.confidence };
    return openJudge({ modelPath, preprocessorPath: null, overrides, runtime }, limits);
  };
  const inputPixel = 2048 / side;
  const offs: number[] = [];
  const [usual, asOpenCv] = [await open(null), await open('opencv-linear')];
  for (const name of ['defective-01', 'defective-03', 'empty-01', 'normal-02', 'normal-03']) {
    const encoded = await photo(`samples/${name}.jpg`);
    // What the tests above hold to OpenCV itself.
    const expected = await (await asOpenCv.decode(encoded))();
    const theirs = expected.map(({ classIndex, confidence, box: where }) =>
      found.parse({ class: classIndex, score: confidence, box: where }),
    );
    assert.equal(theirs.length, name.startsWith('empty') ? 0 : 1, name);
    const ours = await (await usual.decode(encoded))();
    offs.push(assertAlike(name, ours, theirs, { box: 5 * inputPixel, score: 0.01 }));
  }
  // Neighbouring places of the network can be nearly as sure: another one may win, and its box is another.
  const close = offs.filter((off) => off <= 2 * inputPixel).length;
  assert.ok(close >= offs.length - 1, `${offs.join(', ')} pixels off`);
  await usual.release();
  await asOpenCv.release();
});

describe('a classifier says what torchvision and timm say', () => {
  const sidecars: Readonly<Record<string, string>> = {
    classifier: '',
    'classifier-bicubic': 'input: {resize: crop, crop_fraction: 0.875, interpolation: cubic}\n',
    'classifier-crop': '',
  };
  for (const { model, answers } of golden.classifiers) {
    test(model, async () => {
      const modelPath = place(model, sidecars[model]);
      for (const [name, [ours]] of await judged({ modelPath }, Object.keys(answers))) {
        assert.equal(ours?.classIndex, answers[name]?.class, name);
        assert.ok(ours !== undefined && ours.box === null);
        const wrong = Math.abs(ours.confidence - (answers[name]?.score ?? NaN));
        assert.ok(wrong <= 0.01, `${name}: the score is ${wrong} off`);
      }
    });
  }
});

test('two stages say what the same two networks say in Python', async () => {
  const { finder, model, answers } = golden.twoStages;
  const { confidence } = golden.starter;
  assert.ok(Object.values(answers).filter((pear) => pear !== null).length >= 3);
  const preprocessorPath = join(mkdtempSync(join(models, 'm-')), 'finder.onnx');
  copyFileSync(`models/${finder}.onnx`, preprocessorPath);
  const paths = { modelPath: place(model), preprocessorPath };
  for (const [name, ours] of await judged(paths, Object.keys(answers), confidence)) {
    const theirs = answers[name];
    // The cut is of whole pixels: where an edge lies between two, it may be one wider or narrower here.
    const tolerance = { ...promised, score: 0.02 };
    assertAlike(name, ours, theirs === null || theirs === undefined ? [] : [theirs], tolerance);
  }
});

describe('what a network is shown is what the references show it', () => {
  const square: Framing = {
    width: 96,
    height: 96,
    resize: 'stretch',
    cropFraction: 1,
    interpolation: 'linear',
    fill: 114,
  };
  const letterbox = { ...square, width: 160, height: 128, resize: 'letterbox' } as const;
  const table: readonly (readonly [what: string, file: string, Framing, mean: number, max: number])[] = [
    ["OpenCV's letterbox", 'letterbox', { ...letterbox, interpolation: 'opencv-linear' }, 0.2, 2],
    ["OpenCV's letterbox, scaled by cubic", 'letterbox', { ...letterbox, interpolation: 'cubic' }, 2, 60],
    ["torchvision's Resize", 'stretch', square, 0.5, 8],
    ["torchvision's Resize and CenterCrop", 'crop', { ...square, resize: 'crop' }, 0.5, 8],
  ];
  for (const [what, file, framing, meanMax, max] of table) {
    test(`${what}: on average within ${meanMax}, at most ${max} of 255`, async () => {
      const { pixels } = await decodeFramed(picture('samples/defective-03.jpg'), framing, limits);
      const expected = await sharp(readFileSync(join(folder, 'inputs', `${file}.png`)))
        .removeAlpha()
        .raw()
        .toBuffer();
      assert.equal(pixels.length, expected.length);
      const differences = [...pixels].map((value, at) => Math.abs(value - (expected[at] ?? 0)));
      const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
      const most = differences.reduce((a, b) => Math.max(a, b), 0);
      assert.ok(mean <= meanMax && most <= max, `mean ${mean}, max ${most}`);
    });
  }
});
