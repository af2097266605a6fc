// Waiting for what comes at no known moment, such as the end of a lease: asked again until a deadline.
import { setTimeout as wait } from 'node:timers/promises';

const deadlineMs = 5_000;

/** Resolves once `holds` is true; fails with `what` at the deadline. */
export async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await wait(10);
  }
}
