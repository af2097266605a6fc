// The inference thread: reads, decodes and infers, one image after the other, while the next one is decoded in
// the library's own threads. It holds its thread during inference and so must never be the event loop's.
import { parentPort, workerData } from 'node:worker_threads';
import { performance } from 'node:perf_hooks';
import { StartupError, describeError, toWireError } from '../../errors.js';
import { readImageFile } from '../images/image-file.js';
import { openJudge, type Judge } from './judge.js';
import type { Detection } from './thread-answer.js';
import { threadOptionsSchema, type FromThread, type ImageSource, type ToThread } from './thread-messages.js';

if (parentPort === null) throw new Error('inference-worker runs as a worker thread only');
const port = parentPort;
const options = threadOptionsSchema.parse(workerData);

/** Ends when everything before it has ended: the order of images is the order of answers. */
let turn: Promise<void> = Promise.resolve();

try {
  serve(await openJudge(options, { maxPixels: options.maxImagePixels, timeoutMs: options.decodeTimeoutMs }));
} catch (error) {
  if (!(error instanceof StartupError)) throw error;
  answer({ type: 'failed', problem: error.message, cure: error.cure });
  port.close();
}

function serve(judge: Judge): void {
  port.on('message', (message: ToThread) => {
    switch (message.type) {
      case 'image': {
        const decoded = decode(message.source, judge);
        // A rejection is handled in the image's turn; until then it is not unhandled.
        decoded.catch(() => undefined);
        turn = turn.then(() => finish(message.id, decoded));
        return;
      }
      case 'close':
        void turn.then(async () => {
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

interface Timed {
  /** Judges the image. */
  readonly look: () => Promise<readonly Detection[]>;
  readonly ms: number;
}

async function decode(source: ImageSource, judge: Judge): Promise<Timed> {
  const start = performance.now();
  const encoded =
    source.type === 'bytes'
      ? source.bytes
      : await readImageFile(source.folder, source.name, options.maxImageBytes);
  const look = await judge.decode(encoded);
  return { look, ms: performance.now() - start };
}

async function finish(id: number, decoded: Promise<Timed>): Promise<void> {
  try {
    const { look, ms: decodeMs } = await decoded;
    const start = performance.now();
    const detections = await look();
    const inferenceMs = performance.now() - start;
    answer({ type: 'answer', id, answer: { ok: true, detections, decodeMs, inferenceMs } });
  } catch (error) {
    const { code, message } = toWireError(error);
    answer({ type: 'answer', id, answer: { ok: false, code, message, reason: describeError(error) } });
  }
}

function answer(message: FromThread): void {
  port.postMessage(message);
}
