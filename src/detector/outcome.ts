// What became of an image, from what the thread that judged it has answered.
import { performance } from 'node:perf_hooks';
import { InternalError, errorCodes, wireErrorOf } from '../errors.js';
import type { ThreadAnswer } from './inference/thread-answer.js';
import type { Model } from './models/model-spec.js';
import type { Outcome } from './queue/batch.js';

/** Times as `performance.now()` tells them. `onFault`: told of a fault of our own, which the client does not learn. */
export function outcomeOf(
  answer: ThreadAnswer,
  { queuedAt, startedAt }: { readonly queuedAt: number; readonly startedAt: number },
  model: Model,
  onFault: (reason: string) => void,
): Outcome {
  if (!answer.ok) {
    if (answer.code !== errorCodes.internalError)
      return { ok: false, error: wireErrorOf(answer.code, answer.message) };
    onFault(answer.reason);
    return { ok: false, error: new InternalError() };
  }
  const { detections, decodeMs, inferenceMs } = answer;
  return {
    ok: true,
    verdict: {
      result: detections[0]?.classIndex ?? -1,
      detections,
      model,
      timingMs: {
        queue: startedAt - queuedAt,
        decode: decodeMs,
        inference: inferenceMs,
        total: performance.now() - queuedAt,
      },
    },
  };
}
