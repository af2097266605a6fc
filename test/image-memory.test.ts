import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { giveMemoryBack, takeMemory } from '#src/image-memory.js';

const kib = 1024;
const mib = 1024 * kib;

describe('memory of images', () => {
  // What earlier tests gave back is older than this, and there is room for no more.
  beforeEach(() => {
    giveMemoryBack(takeMemory(8 * mib));
    takeMemory(8 * mib);
  });

  test('that was given back is used for the next image of about that size, with its length', () => {
    const first = takeMemory(500 * kib);
    giveMemoryBack(first);
    const second = takeMemory(490 * kib);
    assert.equal(second.buffer, first.buffer);
    assert.deepEqual([second.byteOffset, second.byteLength], [0, 490 * kib]);
  });

  test('is used for one image at a time', () => {
    giveMemoryBack(takeMemory(500 * kib));
    assert.notEqual(takeMemory(500 * kib).buffer, takeMemory(500 * kib).buffer);
  });

  test('is not spent on an image that is larger or much smaller', () => {
    const first = takeMemory(500 * kib);
    giveMemoryBack(first);
    for (const byteLength of [501 * kib, 300 * kib, 1]) {
      const other = takeMemory(byteLength);
      assert.notEqual(other.buffer, first.buffer);
      assert.equal(other.byteLength, byteLength);
    }
    assert.equal(takeMemory(500 * kib).buffer, first.buffer);
  });

  test('that a thread was given is not used again', () => {
    const first = takeMemory(500 * kib);
    structuredClone(first.buffer, { transfer: [first.buffer] });
    giveMemoryBack(first);
    assert.equal(takeMemory(500 * kib).byteLength, 500 * kib);
  });

  test('lies ready up to 8 MiB: the oldest goes first', () => {
    const all = Array.from({ length: 9 }, () => takeMemory(mib));
    for (const piece of all) giveMemoryBack(piece);
    const ready = new Set(Array.from({ length: 9 }, () => takeMemory(mib).buffer));
    assert.deepEqual(
      all.map(({ buffer }) => ready.has(buffer)),
      [false, ...Array.from({ length: 8 }, () => true)],
    );
  });

  test('of nothing is nothing', () => {
    assert.equal(takeMemory(0).byteLength, 0);
  });
});
