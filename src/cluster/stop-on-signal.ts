// When the primary stops: a signal, or the word of a process manager.
import type { Logger } from '../log.js';
import type { FrontDoor } from './front-door.js';
import type { Supervisor } from './supervisor.js';

/**
 * Resolves when a signal, or PM2's message, has ended all workers: to true, or to false where a second one ended
 * them at once.
 */
export function stopOnSignal(supervisor: Supervisor, door: FrontDoor, log: Logger): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let stopping = false;
    let inOrder = true;
    const stop = (why: string) => {
      if (stopping) {
        log.warn({ why }, 'told to stop again; killing the workers');
        inOrder = false;
        supervisor.killAll();
        return;
      }
      stopping = true;
      log.info({ why }, 'stopping: answering what was asked for');
      door
        .close()
        .then(() => supervisor.stop())
        .then(() => {
          resolve(inOrder);
        }, reject);
    };
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      process.on(signal, () => {
        stop(signal);
      });
    }
    process.on('message', (message) => {
      if (message === 'shutdown') stop('the process manager');
    });
  });
}
