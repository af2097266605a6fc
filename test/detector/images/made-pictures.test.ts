import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeWhole } from '#src/detector/images/image-decoder.js';
import { madePictures } from '#src/detector/images/made-pictures.js';

test('pictures that are made are pictures, some plain and some not, and the same each time', async () => {
  const pictures = await madePictures();
  const means = new Map<string, number>();
  for (const { name, encoded } of pictures) {
    const { pixels } = await decodeWhole(encoded, { maxPixels: 1_000_000, timeoutMs: 60_000 });
    means.set(name, pixels.reduce((sum, value) => sum + value, 0) / pixels.length);
  }
  const near = (name: string, value: number) => {
    assert.ok(Math.abs((means.get(name) ?? NaN) - value) < 2, `${name}: ${means.get(name) ?? 'none'}`);
  };
  near('grey', 128);
  near('black', 0);
  near('white', 255);
  near('noise', 127.5);
  near('gradient', 127.5);
  assert.deepEqual(await madePictures(), pictures);
});
