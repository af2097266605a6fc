// The inference thread: reads, decodes and infers, one image after the other, while the next one is decoded in
// the library's own threads. It holds its thread during inference and so must never be the event loop's.
import { parentPort, workerData } from 'node:worker_threads';
import { performance } from 'node:perf_hooks';
import { StartupError, describeError, toWireError } from '../../errors.js';
import { Engine } from './engine.js';
import { decodeImage, type DecodedImage } from '../images/image-decoder.js';
import { readImageFile } from '../images/image-file.js';
import { toImage } from '../images/letterbox.js';
import { readModel } from '../models/model-spec.js';
import { threadOptionsSchema, type FromThread, type ImageSource, type ToThread } from './thread-messages.js';

if (parentPort === null) throw new Error('inference-worker runs as a worker thread only');
const port = parentPort;
const options = threadOptionsSchema.parse(workerData);

/** Ends when everything before it has ended: the order of images is the order of answers. */
let turn: Promise<void> = Promise.resolve();

try {
  serve(await Engine.load(await readModel(options.modelPath, options.overrides)));
} catch (error) {
  if (!(error instanceof StartupError)) throw error;
  answer({ type: 'failed', problem: error.message, cure: error.cure });
  port.close();
}

function serve(engine: Engine): void {
  port.on('message', (message: ToThread) => {
    switch (message.type) {
      case 'image': {
        const decoded = decode(message.source, engine);
        // A rejection is handled in the image's turn; until then it is not unhandled.
        decoded.catch(() => undefined);
        turn = turn.then(() => judge(message.id, decoded, engine));
        return;
      }
      case 'close':
        void turn.then(async () => {
          await engine.release();
          port.close();
        });
        return;
      default:
        message satisfies never;
    }
  });
  answer({ type: 'loaded', model: engine.model });
}

interface Timed {
  readonly image: DecodedImage;
  readonly ms: number;
}

async function decode(source: ImageSource, engine: Engine): Promise<Timed> {
  const start = performance.now();
  const encoded =
    source.type === 'bytes'
      ? source.bytes
      : await readImageFile(source.folder, source.name, options.maxImageBytes);
  const image = await decodeImage(encoded, {
    inputSize: engine.model.imgSize,
    fill: engine.model.letterboxFill,
    maxPixels: options.maxImagePixels,
    timeoutMs: options.decodeTimeoutMs,
  });
  return { image, ms: performance.now() - start };
}

async function judge(id: number, decoded: Promise<Timed>, engine: Engine): Promise<void> {
  try {
    const { image, ms: decodeMs } = await decoded;
    const start = performance.now();
    const candidates = await engine.infer(image.pixels);
    const detections = candidates.map(({ box, classIndex, score }) => ({
      classIndex,
      confidence: score,
      box: toImage(box, image.frame),
    }));
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
