// Where the inference thread begins: it steps back before anything else, since the libraries take a quarter of a second to load,
// and that must not keep the images of other threads waiting either.
import { ThreadPriority } from './thread-priority.js';

const [, , niceness, helpers] = process.argv;
const priority = new ThreadPriority(Number(niceness), Number(helpers));
priority.load();
const { infer } = await import('./inference-worker.js');
await infer(() => {
  priority.judge();
});
