// Asks at fixed times, whether what was asked before is answered or not: a stall is seen by everything that was due
// meanwhile, as by clients that know nothing of each other.
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';

export interface OpenLoop {
  readonly intervalMs: number;
  /** Nothing more is asked once this is false. */
  readonly goesOn: () => boolean;
  readonly ask: (index: number) => Promise<unknown>;
}

/**
 * How long each answer took, counted from when it was due to be asked for: a sender that is held up would otherwise hide what
 * its clients wait. Rejects where an answer fails.
 */
export async function openLoop({ intervalMs, goesOn, ask }: OpenLoop): Promise<readonly number[]> {
  const start = performance.now();
  const answers: Promise<number>[] = [];
  for (let index = 0; goesOn(); index++) {
    const due = start + index * intervalMs;
    if (due > performance.now()) {
      // Timers count in whole milliseconds; the rest is latency, as for a client.
      await wait(due - performance.now());
      if (!goesOn()) break;
    }
    const answer = ask(index).then(() => performance.now() - due);
    // Awaited at the end; a failure until then is not unhandled.
    answer.catch(() => undefined);
    answers.push(answer);
  }
  return Promise.all(answers);
}
