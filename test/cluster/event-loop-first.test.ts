import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { putEventLoopFirst } from '#src/cluster/event-loop-first.js';

const skip = process.platform !== 'linux';

const others = () =>
  readdirSync('/proc/self/task')
    .map(Number)
    .filter((thread) => thread !== process.pid);

test(
  'every thread but the event loop is nicer by so much, and those that it starts, too',
  { skip },
  async () => {
    const own = getPriority();
    putEventLoopFirst(0);
    assert.deepEqual(new Set(others().map((thread) => getPriority(thread))), new Set([own]));
    const worker = new Worker('setTimeout(() => undefined, 60_000)', { eval: true });
    await once(worker, 'online');
    putEventLoopFirst(3);
    assert.equal(getPriority(process.pid), own);
    assert.deepEqual(new Set(others().map((thread) => getPriority(thread))), new Set([own + 3]));
    await worker.terminate();
  },
);

test('niceness has an end', { skip }, () => {
  putEventLoopFirst(19);
  assert.deepEqual(new Set(others().map((thread) => getPriority(thread))), new Set([19]));
});
