// When the primary stops: a signal, or the word of a process manager.
import type { Logger } from '../log.js';
import type { Authenticator } from '../server/authenticator.js';
import type { FrontDoor } from './front-door.js';
import type { PrimarySettings } from './primary-settings.js';
import type { Supervisor } from './supervisor.js';

export interface StoppedParts {
  readonly settings: PrimarySettings;
  readonly door: FrontDoor;
  readonly authenticator: Pick<Authenticator, 'close'>;
  readonly supervisor: Supervisor;
}

/**
 * Resolves when a signal, or PM2's message, has ended all workers: to true, or to false where a second one ended
 * them at once.
 */
export function stopOnSignal(
  { settings, door, authenticator, supervisor }: StoppedParts,
  log: Logger,
): Promise<boolean> {
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
      // Whoever waits for a download, for a proof or for a late answer to a token is told now, or workers could not end before that.
      settings.interrupt();
      authenticator.close();
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
