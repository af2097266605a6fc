// Where the inference thread begins: it steps back before anything else, since the libraries take a quarter of a second to load,
// and that must not keep the images of other threads waiting either.
import { parentPort } from 'node:worker_threads';
import type { FromThread } from './thread-messages.js';
import { ThreadPriority } from './thread-priority.js';

const [, , niceness, helpers] = process.argv;
const priority = new ThreadPriority(Number(niceness), Number(helpers));
const behind = priority.load();
if (behind !== null) parentPort?.postMessage({ type: 'loading', ...behind } satisfies FromThread);
const { infer } = await import('./inference-worker.js');
await infer(() => {
  priority.judge();
});
