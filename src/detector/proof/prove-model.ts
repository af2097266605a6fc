// A process in which a model is tried before anything serves by it. It may hang, crash, or fill its memory: nobody depends on
// it, and it stands back behind everybody. Whoever started it says what to try, hears what was found, and kills it.
import { writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { Worker } from 'node:worker_threads';
import { proofTaskSchema } from './proof-messages.js';

/** How long after its time the process ends itself: whoever should have killed it hangs. */
const selfEndMs = 5_000;

/** Behind what judges, and still with a part of the machine where every core judges all the time. */
const niceness = 15;

// Threads that are started later have the priority of the one that starts them.
trying(() => {
  setPriority(niceness);
});
// Where memory runs out the kernel takes this process first, whatever else is large.
trying(() => {
  writeFileSync('/proc/self/oom_score_adj', '1000');
});
// A crash is what this process is for: nobody wants gigabytes of it on a disk.
trying(() => {
  writeFileSync('/proc/self/coredump_filter', '0');
});

process.once('disconnect', die);
process.once('message', (raw: unknown) => {
  const task = proofTaskSchema.parse(raw);
  setTimeout(die, task.timeoutMs + selfEndMs);
  const thread = new Worker(new URL('./proving-thread.js', import.meta.url), { workerData: task });
  thread.once('message', (answer: unknown) => process.send?.(answer));
  thread.once('error', (error) => {
    throw error;
  });
});

/** Not exit(), which waits for a network that runs. */
function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** What only Linux has, or a sandbox forbids, is not worth a refusal. */
function trying(act: () => void): void {
  try {
    act();
  } catch {
    // Then it goes on without.
  }
}
