import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import { giveMemoryBack, takeMemory, transferOf } from '#src/image-memory.js';
import { eventually } from './support/deadline.js';

const kib = 1024;
const mib = 1024 * kib;
const isShared = ({ buffer }: Uint8Array) => buffer instanceof SharedArrayBuffer;

describe('memory of images', () => {
  test('that was given back is used for the next image of about that size, with its length', () => {
    const first = takeMemory(500 * kib);
    giveMemoryBack(first);
    const second = takeMemory(490 * kib);
    assert.equal(second.buffer, first.buffer);
    assert.deepEqual([second.byteOffset, second.byteLength], [0, 490 * kib]);
    giveMemoryBack(second);
  });

  test('is used for one image at a time, the last that was given back first', () => {
    const [first, second] = [takeMemory(300 * kib), takeMemory(300 * kib)];
    assert.notEqual(first.buffer, second.buffer);
    giveMemoryBack(first);
    giveMemoryBack(second);
    assert.equal(takeMemory(300 * kib).buffer, second.buffer);
    assert.equal(takeMemory(300 * kib).buffer, first.buffer);
    giveMemoryBack(first);
    giveMemoryBack(second);
  });

  test('is not spent on an image that is larger or very much smaller', () => {
    const first = takeMemory(900 * kib);
    giveMemoryBack(first);
    const others = [1300 * kib, 100 * kib].map((byteLength) => takeMemory(byteLength));
    assert.ok(others.every(({ buffer }) => buffer !== first.buffer));
    assert.equal(takeMemory(900 * kib).buffer, first.buffer);
    for (const piece of [first, ...others]) giveMemoryBack(piece);
  });

  test('of small images is ordinary memory, which is transferred and never used again', () => {
    const small = takeMemory(60 * kib);
    assert.deepEqual([isShared(small), transferOf(small)], [false, [small.buffer]]);
    giveMemoryBack(small);
    assert.notEqual(takeMemory(60 * kib).buffer, small.buffer);
    assert.equal(takeMemory(0).byteLength, 0);
  });

  test('is the same in a thread that is given it', async (t) => {
    const bytes = takeMemory(500 * kib);
    bytes.fill(7);
    assert.deepEqual(transferOf(bytes), []);
    const code = `require('node:worker_threads').parentPort.once('message', (bytes) => bytes.fill(8));`;
    const worker = new Worker(code, { eval: true });
    t.after(() => worker.terminate());
    worker.postMessage(bytes, transferOf(bytes));
    await once(worker, 'exit');
    assert.ok(bytes.every((byte) => byte === 8));
    giveMemoryBack(bytes);
  });

  test('is shared also where photos differ, as of several cameras', () => {
    const underWay: Uint8Array[] = [];
    let shared = 0;
    for (let photo = 0; photo < 2_000; photo++) {
      const bytes = takeMemory(mib + ((photo * 7919) % 4_001) * kib);
      if (isShared(bytes)) shared += 1;
      underWay.push(bytes);
      if (underWay.length > 4) giveMemoryBack(underWay.shift() ?? assert.fail());
    }
    for (const bytes of underWay) giveMemoryBack(bytes);
    assert.ok(shared > 1_500, String(shared));
  });

  test('is shared up to 48 MiB, and again when what nobody gave back has been collected', async () => {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    assert.ok(typeof collect === 'function');
    const count = () => {
      let shared = 0;
      while (isShared(takeMemory(4 * mib))) shared += 1;
      return shared;
    };
    // Some of it lies ready in other sizes.
    const shared = count();
    assert.ok(shared <= 12, String(shared));
    await eventually('it is collected', () => {
      Reflect.apply(collect, undefined, []);
      return isShared(takeMemory(8 * mib)) ? true : null;
    });
  });
});
