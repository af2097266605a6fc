// Tries a model: loads it as it would be loaded to serve, and has it judge pictures. A thread, as for serving, since ONNX Runtime
// holds the one that it runs in; the other one of this process must be able to end it.
import { parentPort, workerData } from 'node:worker_threads';
import { InvalidImageError, StartupError, describeError } from '../../errors.js';
import { madePictures } from '../images/made-pictures.js';
import { openJudge, type Judge } from '../inference/judge.js';
import { proofTaskSchema, type ProofAnswer } from './proof-messages.js';

if (parentPort === null) throw new Error('proving-thread runs as a worker thread only');
const { judge: options, timeoutMs } = proofTaskSchema.parse(workerData);

/** More than the pictures have. */
const maxPixels = 1_000_000;

parentPort.postMessage(await proof());

async function proof(): Promise<ProofAnswer> {
  try {
    const judge = await openJudge(options, { maxPixels, timeoutMs });
    await judgePictures(judge);
    return { type: 'proved', model: judge.model, contents: judge.contents };
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    return { type: 'refused', problem: error.message, cure: error.cure };
  }
}

/** Throws StartupError where one of them is not answered as it should be. */
async function judgePictures(judge: Judge): Promise<void> {
  for (const { name, encoded } of await madePictures()) {
    try {
      await judge.tryOut(encoded);
    } catch (cause) {
      if (cause instanceof InvalidImageError) throw cause;
      throw new StartupError(
        `the model ${judge.model.name} fails on a picture (${name}): ${reasonOf(cause)}`,
        'export it again (a float16 export may overflow: as float32) and compare its answers with those of the network that it was made of',
        { cause },
      );
    }
  }
}

/** What an error of the wire hides from clients; the first line of what ONNX Runtime says. */
function reasonOf(error: unknown): string {
  const reason = error instanceof Error && error.cause !== undefined ? error.cause : error;
  return describeError(reason).split('\n')[0] ?? '';
}
