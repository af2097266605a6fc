// How workers really run, as the operating system shows their processes.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import { describe, test } from 'node:test';
import { heapOptions, workerEnvironment } from '#src/cluster/worker-environment.js';
import { workerPids } from '../support/processes.js';
import { startServerWith } from '../support/server.js';

const skip = process.platform !== 'linux';

/**
 * Niceness of a thread: the 19th field of its stat (proc(5)), counted from behind the name in parentheses. Null where it has
 * ended.
 */
function niceness(pid: number, thread: number): number | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8');
  } catch {
    return null;
  }
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16]);
}

function threadsOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).map(Number);
}

/** Texts that are separated by zeros. */
function textsOf(path: string): string[] {
  return readFileSync(path, 'utf8').split('\0');
}

describe('a worker process', { skip }, () => {
  test('has its event loop before all its other threads, by the niceness that is configured', async (context) => {
    const own = getPriority();
    const { port } = await startServerWith(
      context,
      {},
      ...['--cluster.workers', '2', '--cluster.judging_niceness', '7'],
    );
    for (const pid of await workerPids(port)) {
      assert.equal(niceness(pid, pid), own);
      const others = threadsOf(pid)
        .filter((thread) => thread !== pid)
        .map((thread) => niceness(pid, thread))
        .filter((nice) => nice !== null);
      // The inference thread, those of the pool and those of the engine.
      assert.ok(others.length >= 6, `${others.length} threads`);
      assert.deepEqual(new Set(others), new Set([Math.min(own + 7, 19)]));
    }
  });

  test('has its heap, the threads of its pool, and no telemetry; the server itself is left as it was', async (context) => {
    const { port, pid: primary } = await startServerWith(context, {}, '--cluster.workers', '2');
    const poolSize = workerEnvironment()['UV_THREADPOOL_SIZE'];
    for (const pid of await workerPids(port)) {
      const commandLine = textsOf(`/proc/${pid}/cmdline`);
      for (const option of heapOptions) assert.ok(commandLine.includes(option), option);
      const environment = textsOf(`/proc/${pid}/environ`);
      assert.ok(environment.includes(`UV_THREADPOOL_SIZE=${poolSize}`), environment.join(' '));
      assert.ok(environment.includes('ORT_DISABLE_TELEMETRY=1'));
    }
    const commandLine = textsOf(`/proc/${primary}/cmdline`);
    for (const option of heapOptions) assert.ok(!commandLine.includes(option), option);
  });

  test('has as many threads in its pool as the environment says', async (context) => {
    const { port } = await startServerWith(context, { UV_THREADPOOL_SIZE: '9' }, '--cluster.workers', '1');
    const [pid] = await workerPids(port);
    const sizes = textsOf(`/proc/${pid}/environ`).filter((text) => text.startsWith('UV_THREADPOOL_SIZE='));
    assert.deepEqual(sizes, ['UV_THREADPOOL_SIZE=9']);
  });
});
