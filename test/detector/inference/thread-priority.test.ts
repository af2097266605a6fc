// Which turn a thread has: seen from inside one, where the system gives each a niceness of its own.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { getPriority } from 'node:os';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { comeForward } from '#src/detector/inference/thread-priority.js';

const seenSchema = z.object({ loading: z.int(), judging: z.int() });

/** The niceness of a thread of `helpers` helpers, less that of this one, while it loads and while it judges. */
async function seen(niceness: number, helpers: number) {
  const module = import.meta.resolve('#src/detector/inference/thread-priority.js');
  const code = `
    const { getPriority } = require('node:os');
    import(${JSON.stringify(module)}).then(({ ThreadPriority }) => {
      const priority = new ThreadPriority(${niceness}, ${helpers});
      priority.load();
      const loading = getPriority();
      priority.judge();
      require('node:worker_threads').parentPort.postMessage({ loading, judging: getPriority() });
    });`;
  const [{ loading, judging }] = z
    .tuple([seenSchema])
    .parse(await once(new Worker(code, { eval: true }), 'message'));
  return { loading: loading - getPriority(), judging: judging - getPriority() };
}

/** Whether the system lets somebody come forward: tried with a thread of its own. */
async function mayComeForward() {
  const code = `
    const { getPriority, setPriority } = require('node:os');
    const before = getPriority();
    let may = true;
    setPriority(before + 1);
    try { setPriority(before); } catch { may = false; }
    require('node:worker_threads').parentPort.postMessage(may);`;
  const [may] = z.tuple([z.boolean()]).parse(await once(new Worker(code, { eval: true }), 'message'));
  return may;
}

const isElsewhere = process.platform !== 'linux' && 'threads have a niceness of their own on Linux only';

describe('a thread that infers', { skip: isElsewhere }, () => {
  test('judges behind the event loop, and loads behind those that judge where it may come forward again', async () => {
    const own = getPriority();
    const { loading, judging } = await seen(7, 0);
    assert.equal(judging, Math.min(7, 19 - own));
    const halfway = Math.ceil((own + judging + 19) / 2) - own;
    assert.equal(loading, (await mayComeForward()) ? halfway : judging);
    assert.equal(getPriority(), own, 'others stay where they are');
  });

  test('with helpers of its own, which would stay behind, loads as it judges', async () => {
    const { loading, judging } = await seen(7, 1);
    assert.equal(loading, judging);
  });

  test('is let come forward while it loads, by somebody else', async (t) => {
    const module = import.meta.resolve('#src/detector/inference/thread-priority.js');
    const code = `
      const { getPriority } = require('node:os');
      const { parentPort } = require('node:worker_threads');
      import(${JSON.stringify(module)}).then(({ ThreadPriority }) => {
        parentPort.postMessage(new ThreadPriority(3, 0).load());
        parentPort.once('message', () => parentPort.postMessage(getPriority()));
      });`;
    const worker = new Worker(code, { eval: true });
    const behindSchema = z.object({ thread: z.int(), judging: z.int() }).nullable();
    const [behind] = z.tuple([behindSchema]).parse(await once(worker, 'message'));
    if (behind !== null) comeForward(behind);
    const asked = once(worker, 'message');
    worker.postMessage('go');
    if (behind === null) {
      await asked;
      t.skip('the system lets nobody come forward');
      return;
    }
    assert.deepEqual(await asked, [behind.judging]);
    await once(worker, 'exit');
    comeForward(behind);
  });
});
