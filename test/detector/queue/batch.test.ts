import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Batch } from '#src/detector/queue/batch.js';
import { CancelledError } from '#src/errors.js';
import { giveMemoryBack, takeMemory } from '#src/image-memory.js';

test('the memory of an image that comes after it was answered serves the next one', () => {
  const batch = new Batch(1, () => assert.fail('it is not queued'));
  batch.stop(new CancelledError());
  const late = takeMemory(300_000);
  batch.provide(0, { type: 'bytes', bytes: late });
  const [next, another] = [takeMemory(300_000), takeMemory(300_000)];
  assert.equal(next.buffer, late.buffer);
  assert.notEqual(another.buffer, late.buffer);
  for (const piece of [next, another]) giveMemoryBack(piece);
});
