// The images of a classification, by name and inside the message.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import sharp from 'sharp';
import { z } from 'zod';
import type { LocalServer } from '#src/cli/local-server.js';
import { plainPicture, sample, samplesFolder, variants } from '../support/pictures.js';
import { codesOf, item, reply, request } from '../support/replies.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';

const maxImageBytes = 200_000;
const maxImagePixels = 1_000_000;
const root = realpathSync(mkdtempSync(join(tmpdir(), 'pear-pictures-')));
const folder = join(root, 'images');

let normal: Buffer;
let defective: Buffer;
let server: LocalServer;
let wire: Wire;
before(async () => {
  [normal, defective] = [await sample('normal-01.jpg'), await sample('defective-01.jpg')];
  mkdirSync(join(folder, 'line 1'), { recursive: true });
  mkdirSync(join(root, 'images-of-others'));
  copyFileSync(`${samplesFolder}/normal-01.jpg`, join(root, 'images-of-others', 'a.jpg'));
  copyFileSync(`${samplesFolder}/normal-01.jpg`, join(root, 'outside.jpg'));
  for (const name of ['a.jpg', 'B.JPG', 'c.jpeg', 'd.JpEg', '\ubc30.jpg', 'line 1/e.jpg'])
    writeFileSync(join(folder, name), normal);
  writeFileSync(join(folder, 'f.png'), await sharp(defective).resize(800).png({ palette: true }).toBuffer());
  writeFileSync(join(folder, 'g.WEBP'), await sharp(defective).webp().toBuffer());
  writeFileSync(join(folder, 'no-pear.jpg'), await sample('empty-01.jpg'));
  writeFileSync(join(folder, 'turned.jpg'), (await variants(normal)).get('turned.jpg') ?? '');
  writeFileSync(join(folder, 'empty.jpg'), '');
  writeFileSync(join(folder, 'text.jpg'), 'no picture');
  writeFileSync(join(folder, 'cut.jpg'), normal.subarray(0, 20_000));
  writeFileSync(join(folder, 'large.jpg'), Buffer.concat([normal, Buffer.alloc(maxImageBytes)]));
  writeFileSync(join(folder, 'many-pixels.png'), await plainPicture(1_001, 1_000));
  mkdirSync(join(folder, 'folder.jpg'));
  symlinkSync(join(root, 'outside.jpg'), join(folder, 'link-out.jpg'));
  symlinkSync(join(folder, 'a.jpg'), join(folder, 'link-in.jpg'));
  symlinkSync(root, join(folder, 'up'));
  server = await startServer(
    null,
    ...['--cluster.workers', '1', '--model.img_path', folder, '--limits.max_batch', '50'],
    ...[
      '--limits.max_image_bytes',
      String(maxImageBytes),
      '--limits.max_image_pixels',
      String(maxImagePixels),
    ],
  );
  wire = await Wire.open(server.port);
});
after(async () => {
  wire.close();
  assert.equal(await server.stop(), 0);
  rmSync(root, { recursive: true });
});

const judge = (images: readonly unknown[]) => wire.ask(request(1, images));

describe('an image by name', () => {
  const judged: readonly (readonly [name: string, result: number])[] = [
    ...['a.jpg', 'B.JPG', 'c.jpeg', 'd.JpEg', 'line 1/e.jpg', './a.jpg', 'line 1/../a.jpg'].map(
      (name) => [name, 1] as const,
    ),
    ...['link-in.jpg', join(folder, 'a.jpg'), join(folder, 'line 1', 'e.jpg')].map(
      (name) => [name, 1] as const,
    ),
    ...['f.png', 'g.WEBP'].map((name) => [name, 0] as const),
  ];
  test('is judged, in a subfolder and absolute too, its ending in any case', async () => {
    const expected = judged.map(([name, result]) => item(name, result, 0));
    assert.equal(await judge(judged.map(([name]) => name)), reply(2, ...expected));
    assert.match(await judge(['\ubc30.jpg']), /"file_name": "\\ubc30.jpg", "result": 1, "error_code": 0/);
  });

  test('that leads out of the folder, or to no file, looks missing; the others are judged', async () => {
    const names = [
      ...[
        'missing.jpg',
        '../outside.jpg',
        '../images/a.jpg',
        '../images-of-others/a.jpg',
        join(root, 'outside.jpg'),
        '/etc/x.jpg',
      ],
      ...[
        'link-out.jpg',
        'up/outside.jpg',
        'a.jpg/b.jpg',
        'folder.jpg',
        '.jpg',
        'A.jpg',
        `${'x'.repeat(1_000)}.jpg`,
      ],
    ];
    const images = names.flatMap((name) => [name, 'a.jpg']);
    const expected = names.flatMap((name) => [item(name, null, 2), item('a.jpg', 1, 0)]);
    assert.equal(await judge(images), reply(2, ...expected));
    assert.deepEqual(codesOf(await judge(['a.jpg\0.jpg', 'a.jpg'])), [2, 0]);
  });

  test('that cannot be decoded or is over a limit has code 8; the others are judged', async () => {
    const names = ['empty.jpg', 'text.jpg', 'cut.jpg', 'large.jpg', 'many-pixels.png'];
    const expected = names.map((name) => item(name, null, 8));
    assert.equal(
      await judge(['a.jpg', ...names, 'f.png']),
      reply(2, item('a.jpg', 1, 0), ...expected, item('f.png', 0, 0)),
    );
  });
});

describe('an image inside the message', () => {
  test('is judged under any label, which is never opened', async () => {
    const data = defective.toString('base64');
    const labels = ['a.jpg', 'missing.jpg', '../../x', 'x', ' ', 'y'.repeat(255), '/etc/passwd'];
    const images = labels.map((file_name) => ({ file_name, data, extra: 1 }));
    assert.equal(await judge(images), reply(2, ...labels.map((label) => item(label, 0, 0))));
    const longest = { file_name: '\u{1f350}'.repeat(255), data };
    assert.deepEqual(codesOf(await judge([longest])), [0], 'characters are counted, not bytes');
  });

  test('that is no base64, no image or over the limit has code 8', async () => {
    const data = normal.toString('base64');
    const padded = (bytes: number) => Buffer.concat([normal, Buffer.alloc(bytes - normal.length)]);
    const bad = [
      ...['', '!', '!!!!', 'AAA', 'A===', '====', 'AAAA=', `${data} `, `\n${data}`, data.slice(0, -1)],
      ...[Buffer.from('text').toString('base64'), padded(maxImageBytes + 1).toString('base64')],
      // Base64 for URLs has two other characters.
      data.replaceAll('+', '-').replaceAll('/', '_'),
    ];
    assert.match(bad.at(-1) ?? '', /-.*_|_.*-/);
    const images = bad.map((each) => ({ file_name: 'a', data: each }));
    assert.deepEqual(codesOf(await judge([...images, 'a.jpg'])), [...bad.map(() => 8), 0]);
    const largest = padded(maxImageBytes).toString('base64');
    assert.equal(await judge([{ file_name: 'a', data: largest }]), reply(2, item('a', 1, 0)));
  });
});

describe('with "detail": true', () => {
  const box = z.tuple([z.number(), z.number(), z.number(), z.number()]);
  const detection = z.strictObject({ label: z.string(), confidence: z.number().gt(0).max(1), bbox: box });
  const detailed = z.strictObject({
    file_name: z.string(),
    result: z.int(),
    error_code: z.literal(0),
    ...detection.shape,
    detections: z.array(detection).min(1),
    model: z.strictObject({ name: z.string(), sha256: z.string() }),
    timing_ms: z.strictObject({
      queue: z.number(),
      decode: z.number(),
      inference: z.number(),
      total: z.number(),
    }),
  });
  const describeImages = async (...names: string[]) =>
    z
      .object({ response_data: z.array(detailed) })
      .parse(JSON.parse(await wire.ask(request(1, names, { detail: true })))).response_data;

  test('an item has eight fields more, in their order', async () => {
    const text = await wire.ask(request(1, ['a.jpg', 'no-pear.jpg', 'missing.jpg'], { detail: true }));
    const [judged, noPear, missing] = text.split(/, (?=\{"file_name")/);
    assert.match(
      judged ?? '',
      /^\{"cmd": 2, "response_data": \[\{"file_name": "a.jpg", "result": 1, "error_code": 0, "label": "normal_pear", "confidence": (?:0\.\d+|1), "bbox": \[[\d.]+, [\d.]+, [\d.]+, [\d.]+\], "detections": \[\{"label": "normal_pear", "confidence": (?:0\.\d+|1), "bbox": \[[^\]]+\]\}\], "model": \{"name": "pear-starter-int8.onnx", "sha256": "[0-9a-f]{64}"\}, "timing_ms": \{"queue": [\d.]+, "decode": [\d.]+, "inference": [\d.]+, "total": [\d.]+\}\}$/,
    );
    assert.match(
      noPear ?? '',
      /^\{"file_name": "no-pear.jpg", "result": -1, "error_code": 0, "label": null, "confidence": null, "bbox": null, "detections": \[\], "model": \{"name": .*\}, "timing_ms": \{.*\}\}$/,
    );
    assert.equal(
      missing,
      '{"file_name": "missing.jpg", "result": null, "error_code": 2, "label": null, "confidence": null, "bbox": null, "detections": [], "model": null, "timing_ms": null}], "request_data": null}',
    );
  });

  test('the first detection decides, and the model is known by the hash of its file', async () => {
    const [image] = await describeImages('f.png');
    assert.ok(image !== undefined);
    const { label, confidence, bbox, detections, model } = image;
    assert.deepEqual({ label, confidence, bbox }, detections[0]);
    const bytes = readFileSync(`models/${model.name}`);
    assert.equal(model.sha256, createHash('sha256').update(bytes).digest('hex'));
  });

  test('every pear of a picture is told, the surest first', async () => {
    const one = await sharp(await sample('normal-01.jpg'))
      .resize(400, 400, { fit: 'cover' })
      .toBuffer();
    const grey = { width: 800, height: 400, channels: 3 as const, background: '#404040' };
    const both = [0, 400].map((left) => ({ input: one, left, top: 0 }));
    const two = await sharp({ create: grey }).composite(both).jpeg().toBuffer();
    wire.send(request(1, [{ file_name: 'two', bytes: two.length }], { detail: true }));
    wire.send(two);
    const text = await wire.reply();
    const found = [...text.matchAll(/"confidence": ([\d.]+), "bbox": \[(\d+)/g)].slice(1);
    assert.equal(found.length, 2);
    const [[, surest, left], [, other, otherLeft]] = [found[0] ?? [], found[1] ?? []];
    assert.ok(Number(surest) >= Number(other));
    assert.ok(Number(left) < 400 !== Number(otherLeft) < 400, 'one on each side');
  });

  test('boxes are in pixels of the picture as a viewer shows it', async () => {
    const [upright, turned] = await describeImages('a.jpg', 'turned.jpg');
    const difference = (upright?.bbox ?? []).map((value, index) =>
      Math.abs(value - (turned?.bbox[index] ?? 0)),
    );
    assert.ok(difference.length === 4 && difference.every((pixels) => pixels < 20), difference.join(' '));
    const [x1 = 0, y1 = 0, x2 = 0, y2 = 0] = upright?.bbox ?? [];
    assert.ok(x1 >= 0 && y1 >= 0 && x2 <= 1024 && y2 <= 768 && x2 - x1 > 300 && y2 - y1 > 300);
  });

  test('false gives the short form', async () => {
    const text = await wire.ask(request(1, ['a.jpg'], { detail: false }));
    assert.equal(text, reply(2, item('a.jpg', 1, 0)));
  });
});
