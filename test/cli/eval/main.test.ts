// The evaluation as people run it, against a real server that wants a token and takes no large images.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { z } from 'zod';
import { columns, picture, placeOf } from '#src/cli/eval/sheet/page-svg.js';
import { cleanEnvironment, type LocalServer } from '#src/cli/local-server.js';
import { eventually } from '../../support/deadline.js';
import { sample, samplesFolder, variants } from '../../support/pictures.js';
import { startServer } from '../../support/server.js';
import { tokens, withTokens } from '../../support/tokens.js';

const program = 'dist/cli/eval/main.js';
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'pear-eval-test-'));
const photos = join(folder, 'photos');
const tokenFile = join(folder, 'token');
const labels = join(folder, 'labels.csv');
let server: LocalServer;

/** Where the pear of normal-01.jpg is, in the upright picture. */
const box = '166,48,775,661';

before(async () => {
  mkdirSync(photos);
  writeFileSync(tokenFile, `${tokens.operator}\n`, { mode: 0o600 });
  for (const name of ['defective-01.jpg', 'empty-01.jpg', 'normal-01.jpg']) {
    copyFileSync(join(samplesFolder, name), join(photos, name));
  }
  const turned = (await variants(await sample('normal-01.jpg'))).get('turned.jpg');
  assert.ok(turned !== undefined);
  writeFileSync(join(photos, 'turned.jpg'), turned);
  // Larger than this server takes, which costs the connection; and no image at all.
  writeFileSync(join(photos, 'large.png'), Buffer.alloc(200_000));
  writeFileSync(join(photos, 'text.jpg'), 'no image');
  writeFileSync(
    labels,
    `file,class,left,top,right,bottom
defective-01.jpg,normal,0,0,20,20
empty-01.jpg,,,,,
normal-01.jpg,normal,${box}
turned.jpg,normal,${box}
large.png,normal,,,,
text.jpg,,,,,
`,
  );
  const small = ['--cluster.workers', '1', '--limits.max_image_bytes', '150000'];
  server = await startServer(null, ...small, ...withTokens(), '--security.default_role', 'viewer');
});
after(async () => {
  assert.equal(await server.stop(), 0);
  rmSync(folder, { recursive: true });
});

async function evaluate(...args: readonly string[]) {
  try {
    return { code: 0, ...(await run(process.execPath, [program, ...args], { env: cleanEnvironment() })) };
  } catch (error) {
    return z.object({ code: z.number(), stdout: z.string(), stderr: z.string() }).parse(error);
  }
}

function there(...args: readonly string[]) {
  return evaluate(photos, '--connect', `127.0.0.1:${server.port}`, '--token-file', tokenFile, ...args);
}

describe('npm run eval with a server that runs', () => {
  test('prints the confusion, counts with intervals, boxes, calibration, latencies and mistakes, and ends with 1 where too few are right', async () => {
    const { code, stdout, stderr } = await there('--annotations', labels, '--fail-below', '0.51');
    assert.deepEqual([code, stderr], [1, '3 of 6 right is below 0.51\n']);
    for (const line of [
      /^6 photos, judged by pear-starter-int8\.onnx$/m,
      /^labelled ↓ {2}said → {2}no pear {2}normal {2}defective {2}not judged\nno pear +1 +0 +0 +1\nnormal +0 +2 +1 +1$/m,
      /^no pear: 1 of 2 right \(50\.0 %, 95 % interval 9\.5 to 90\.5 %\)$/m,
      /^all: 3 of 6 right \(.*\); 1 wrong, 2 not judged$/m,
      /^recall: 2 of 3 found .*\nprecision: 2 of 3 told are right /m,
      /^confidence and right verdicts: expected calibration error 0\.\d{3}, Brier score 0\.\d{3} \(of 3, /m,
      /^0\.9 to 1\.0 +3 +(?:0\.9\d\d|1\.000) +0\.667$/m,
      /^milliseconds \(4\) +p50 +p99\ndecoding +[\d.]+ +[\d.]+$/m,
      /^as the client sees it +[\d.]+ +[\d.]+$/m,
      /^defective-01\.jpg +normal +defective +(?:0\.9\d\d|1\.000) +0\.00 +WRONG$/m,
      /^large\.png +normal +(error 1: .*|the connection was lost.*) +- +- +NOT JUDGED$/m,
      /^text\.jpg +no pear +error 8, invalid image +- +- +NOT JUDGED$/m,
    ])
      assert.match(stdout, line);
  });

  test('writes everything as JSON, and a sheet whose boxes lie on pictures turned upright', async () => {
    const sheet = join(folder, 'sheet.png');
    const { code, stdout } = await there(
      '--annotations',
      labels,
      '--fail-below',
      '0.5',
      '--json',
      '-',
      '--sheet',
      sheet,
    );
    assert.equal(code, 0);
    const found = z
      .object({ verdicts: z.object({ hits: z.int(), of: z.int() }), items: z.array(z.unknown()) })
      .parse(JSON.parse(stdout));
    assert.deepEqual([found.verdicts, found.items.length], [{ hits: 3, of: 6 }, 6]);
    // One wrong, two not judged, then those that are right, by name.
    const [plain, turned] = await Promise.all([toldBox(sheet, 4), toldBox(sheet, 5)]);
    const { width } = await sharp(await sample('normal-01.jpg')).metadata();
    const scale = picture.width / width;
    [148, 46, 779, 657].forEach((edge, index) => {
      for (const seen of [plain, turned])
        assert.ok(
          Math.abs((seen[index] ?? Number.NaN) - edge * scale) < 8,
          `${String(seen)} is not ${box} scaled`,
        );
    });
  });

  test('says in one line why it cannot run, and ends with 2', async () => {
    const refused = await evaluate(photos, '--server', `127.0.0.1:${server.port}`);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /^the server refuses \(error 5\): /);
    const wrong = await evaluate(photos, '--sheet', join(folder, 'none', 'x.png'));
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /^nothing can be written to .*none; make that folder, .*\n$/);
  });

  test('writes over nothing that it judges by', async () => {
    for (const input of [labels, join(photos, 'normal-01.jpg')]) {
      const { code, stderr } = await evaluate(photos, '--annotations', labels, '--json', input);
      assert.equal(code, 2);
      assert.match(stderr, /^[^\n]* is one of the files that are judged by; name another one\n$/);
    }
    const { code, stderr } = await evaluate(photos, '--json', photos);
    assert.deepEqual([code, /is a folder; name a file\n$/.test(stderr)], [2, true]);
  });
});

describe('npm run eval with a server of its own', () => {
  test('counts by the names of the files', async () => {
    const { code, stdout } = await evaluate(samplesFolder, '--fail-below', '1');
    assert.equal(code, 0);
    assert.match(stdout, /^defective: 5 of 5 right .*\nno pear: 3 of 3 right .*\nnormal: 5 of 5 right .*$/m);
  });

  test('leaves neither server nor files where it is ended', async () => {
    const temporary = join(folder, 'tmp');
    mkdirSync(temporary);
    const env = { ...cleanEnvironment(), TMPDIR: temporary };
    const child = spawn(process.execPath, [program, samplesFolder], { env, stdio: 'ignore' });
    const ended = once(child, 'exit');
    await eventually('it has begun', () => (readdirSync(temporary).length > 0 ? true : null));
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [143, null]);
    assert.deepEqual(
      readdirSync(temporary).filter((name) => name.startsWith('pear-eval-')),
      [],
    );
  });
});

/** The edges of what has the colour of the model's box in a cell, from the corner of its picture. */
async function toldBox(sheet: string, index: number): Promise<readonly number[]> {
  assert.ok(index < 2 * columns);
  const corner = placeOf(index, { ...picture, scale: 1 });
  const { data } = await sharp(sheet)
    .extract({ ...corner, ...picture })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const [xs, ys]: [number[], number[]] = [[], []];
  for (let at = 0; at < data.length; at += 3) {
    const [red = 0, green = 0, blue = 0] = data.subarray(at, at + 3);
    if (red > 40 || green < 180 || blue < 220) continue;
    xs.push((at / 3) % picture.width);
    ys.push(Math.floor(at / 3 / picture.width));
  }
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}
