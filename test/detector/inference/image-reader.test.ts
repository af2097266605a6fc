import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextRound } from 'node:timers/promises';
import { ImageReader } from '#src/detector/inference/image-reader.js';
import { InternalError, ResourceNotFoundError } from '#src/errors.js';
import { giveMemoryBack, takeMemory } from '#src/image-memory.js';

const timeoutMs = 5_000;

/** A disk on which each read ends when the test says so. */
function slowDisk() {
  const reads: { readonly end: (bytes: Uint8Array) => void; readonly fail: (error: Error) => void }[] = [];
  const reader = new ImageReader(
    () =>
      new Promise<Uint8Array>((end, fail) => {
        reads.push({ end, fail });
      }),
    timeoutMs,
  );
  return { reader, reads };
}

test('an image that takes too long to read is given up, and its memory serves again when the read has ended', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { reader, reads } = slowDisk();
  const bytes = takeMemory(200 * 1024);
  const late = reader.read('/images', 'a.jpg');
  t.mock.timers.tick(timeoutMs);
  await assert.rejects(late, InternalError);

  reads[0]?.end(bytes);
  await nextRound();
  const next = takeMemory(200 * 1024);
  const another = takeMemory(200 * 1024);
  assert.equal(next.buffer, bytes.buffer);
  assert.notEqual(another.buffer, bytes.buffer);
  for (const piece of [next, another]) giveMemoryBack(piece);
});

test('while two reads hang no image is read, and again when one of them has ended, well or not', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { reader, reads } = slowDisk();
  const late = [reader.read('/images', 'a.jpg'), reader.read('/images', 'b.jpg')];
  t.mock.timers.tick(timeoutMs);
  for (const read of late) await assert.rejects(read, InternalError);

  await assert.rejects(reader.read('/images', 'c.jpg'), InternalError);
  assert.equal(reads.length, 2);

  reads[0]?.fail(new ResourceNotFoundError('no such image'));
  await nextRound();
  const read = reader.read('/images', 'c.jpg');
  reads[2]?.end(Uint8Array.of(7));
  assert.deepEqual(await read, Uint8Array.of(7));

  reads[1]?.end(Uint8Array.of(8));
  await nextRound();
  const two = [reader.read('/images', 'd.jpg'), reader.read('/images', 'e.jpg')];
  t.mock.timers.tick(timeoutMs);
  for (const late of two) await assert.rejects(late, InternalError);
  assert.equal(reads.length, 5);
});
