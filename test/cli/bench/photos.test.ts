// The photos of the benchmark: as large in pixels and bytes as it says, and no two alike.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { copySamples, renderPhotos } from '#src/cli/bench/photos.js';

test('photos are 2048 × 1536, about 500 KB, distinct, and the same for the same seed', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'pear-photos-'));
  t.after(() => rm(folder, { recursive: true }));
  const photos = await renderPhotos('models/samples', folder, 2, 1);
  assert.deepEqual(
    photos.map(({ name }) => name),
    ['photo-001.jpg', 'photo-002.jpg'],
  );
  const files = await Promise.all(photos.map(({ name }) => readFile(join(folder, name))));
  for (const [index, file] of files.entries()) {
    assert.equal(file.length, photos[index]?.bytes);
    assert.ok(Math.abs(file.length - 500_000) <= 50_000, `${file.length} bytes`);
    const { width, height, format } = await sharp(file).metadata();
    assert.deepEqual([width, height, format], [2048, 1536, 'jpeg']);
  }
  assert.ok(!files[0]?.equals(files[1] ?? Buffer.of()));
  await renderPhotos('models/samples', folder, 1, 1);
  assert.ok(files[0]?.equals(await readFile(join(folder, 'photo-001.jpg'))));
});

test('small photos are the samples', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'pear-photos-'));
  t.after(() => rm(folder, { recursive: true }));
  const photos = await copySamples('models/samples', folder);
  assert.equal(photos.length, 13);
  assert.ok(photos.every(({ bytes }) => bytes > 40_000));
});
