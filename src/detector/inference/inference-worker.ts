// The inference thread: reads, decodes and infers. Images are judged one at a time, in the order in which they are
// decoded, while others are read and decoded in the libraries' own threads. It holds its thread during inference and so
// must never be the event loop's.
import { parentPort, workerData } from 'node:worker_threads';
import { performance } from 'node:perf_hooks';
import { StartupError, describeError, toWireError } from '../../errors.js';
import { giveMemoryBack } from '../../image-memory.js';
import { readImageFile } from '../images/image-file.js';
import { ImageReader } from './image-reader.js';
import { openJudge, type Judge } from './judge.js';
import type { ThreadAnswer } from './thread-answer.js';
import {
  readTimeoutMs,
  threadOptionsSchema,
  type FromThread,
  type ImageSource,
  type ToThread,
} from './thread-messages.js';

if (parentPort === null) throw new Error('inference-worker runs as a worker thread only');
const port = parentPort;
const options = threadOptionsSchema.parse(workerData);

const reader = new ImageReader(
  (folder, name) => readImageFile(folder, name, options.maxImageBytes),
  readTimeoutMs,
);

/** Ends when the images that are decoded have been judged: a judge looks at one at a time. */
let turn: Promise<unknown> = Promise.resolve();

/** Images that are not answered yet. */
const pending = new Set<Promise<void>>();

/** Loads the model, says how that went, and judges until it is closed. `onLoaded`: before the first image. */
export async function infer(onLoaded: () => void): Promise<void> {
  try {
    const limits = { maxPixels: options.maxImagePixels, timeoutMs: options.decodeTimeoutMs };
    const judge = await openJudge(options, limits);
    onLoaded();
    serve(judge);
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    answer({ type: 'failed', problem: error.message, cure: error.cure });
    port.close();
  }
}

function serve(judge: Judge): void {
  port.on('message', (message: ToThread) => {
    switch (message.type) {
      case 'image': {
        const done = settle(message.id, message.source, judge).finally(() => pending.delete(done));
        pending.add(done);
        return;
      }
      case 'close':
        void Promise.all(pending).then(async () => {
          await judge.release();
          port.close();
        });
        return;
      default:
        message satisfies never;
    }
  });
  answer({ type: 'loaded', model: judge.model });
}

async function settle(id: number, source: ImageSource, judge: Judge): Promise<void> {
  let found: ThreadAnswer;
  try {
    found = await look(source, judge);
  } catch (error) {
    const { code, message } = toWireError(error);
    found = { ok: false, code, message, reason: describeError(error) };
  }
  answer({ type: 'answer', id, answer: found });
}

async function look(source: ImageSource, judge: Judge): Promise<ThreadAnswer> {
  const start = performance.now();
  const judgeIt = await decode(source, judge);
  const decodeMs = performance.now() - start;
  const judged = turn.then(async () => {
    const inferenceStart = performance.now();
    const detections = await judgeIt();
    return { detections, inferenceMs: performance.now() - inferenceStart };
  });
  // One that fails is answered with its error, and does not keep the next from its turn.
  turn = judged.catch(() => undefined);
  return { ok: true, decodeMs, ...(await judged) };
}

async function decode(source: ImageSource, judge: Judge): ReturnType<Judge['decode']> {
  if (source.type === 'bytes') return judge.decode(source.bytes);
  const bytes = await reader.read(source.folder, source.name);
  try {
    return await judge.decode(bytes);
  } finally {
    giveMemoryBack(bytes);
  }
}

function answer(message: FromThread): void {
  port.postMessage(message);
}
