// Lets the event loop of this process go before all its other threads, which decode, infer and collect garbage. Where every
// core is busy a thread that wakes up waits for the others' time slices; an event loop that has to do so answers late.
import { readdirSync } from 'node:fs';
import { constants, getPriority, setPriority } from 'node:os';

const threadsFolder = '/proc/self/task';
const niceMax = constants.priority.PRIORITY_LOW;

/**
 * Raises the niceness of all threads but this one, by `niceness`, 0 to 19. On Linux only, where each thread has its own and
 * hands it on to those that it starts; elsewhere nothing happens. Throws where the system does not allow it.
 */
export function putEventLoopFirst(niceness: number): void {
  if (niceness === 0 || process.platform !== 'linux') return;
  const target = Math.min(getPriority() + niceness, niceMax);
  for (const name of readdirSync(threadsFolder)) {
    const thread = Number(name);
    if (thread === process.pid) continue;
    try {
      setPriority(thread, target);
    } catch (error) {
      // One that has ended meanwhile.
      if (!String(error).includes('ESRCH')) throw error;
    }
  }
}
