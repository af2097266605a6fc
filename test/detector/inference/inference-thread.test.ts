import assert from 'node:assert/strict';
import { realpathSync } from 'node:fs';
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
