import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { InferenceThread } from '#src/detector/inference/inference-thread.js';
import { samplesFolder } from '../../support/pictures.js';

const photo = { type: 'file', folder: realpathSync(samplesFolder), name: 'normal-01.jpg' } as const;

const start = () =>
  InferenceThread.start({
    modelPath: 'models/pear-starter-int8.onnx',
    preprocessorPath: null,
    runtime: { threads: 1, memoryArena: true },
    overrides: { classes: null, imgSize: null, confidenceThreshold: null },
    maxImageBytes: 10_000_000,
    maxImagePixels: 5_000_000,
    decodeTimeoutMs: 10_000,
    niceness: 0,
  });

test('a thread that comes beside another leaves the formats that the process reads as they are', async () => {
  const first = await start();
  assert.equal((await first.judge(photo)).ok, true);
  // Whoever set the formats anew would undo this, and for a moment nothing would be readable.
  sharp.block({ operation: ['VipsForeignLoad'] });
  const second = await start();
  assert.equal((await second.judge(photo)).ok, false);
  sharp.unblock({ operation: ['VipsForeignLoadJpegBuffer'] });
  for (const thread of [first, second]) {
    assert.equal((await thread.judge(photo)).ok, true);
    await thread.close();
  }
});

test('photos that are read and decoded at the same time get the answers that each gets alone', async (t) => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'pear-large-')));
  t.after(() => {
    rmSync(folder, { recursive: true });
  });
  const names = readdirSync(samplesFolder).filter((name) => name.endsWith('.jpg'));
  for (const name of names) {
    const large = join(folder, name);
    await sharp(readFileSync(join(samplesFolder, name)))
      .resize(1600)
      .jpeg({ quality: 97 })
      .toFile(large);
    // Files of that size lie in memory that serves for one after the other.
    assert.ok(statSync(large).size > 128 * 1024, name);
  }
  const thread = await start();
  t.after(() => thread.close());
  const answerTo = async (name: string) => {
    const answer = await thread.judge({ type: 'file', folder, name });
    return answer.ok ? answer.detections : answer.reason;
  };
  const alone = new Map<string, unknown>();
  for (const name of names) alone.set(name, await answerTo(name));
  assert.ok(new Set([...alone.values()].map((answer) => JSON.stringify(answer))).size > names.length / 2);
  // The lanes go through the photos in different orders, so that any two meet.
  const lanes = [1, 2, 3].map(async (step) => {
    for (let index = 0; index < 40; index++) {
      const name = names[(index * step) % names.length] ?? '';
      assert.deepEqual(await answerTo(name), alone.get(name));
    }
  });
  await Promise.all(lanes);
});
