// How the primary has a worker: a forked process whose messages are checked as they come.
import cluster, { type Worker } from 'node:cluster';
import type { Logger } from '../log.js';
import { toPrimarySchema } from './messages.js';
import type { WorkerProcess } from './worker-process.js';
import { heapOptions, workerEnvironment } from './worker-environment.js';

/** Says what each worker executes. */
export function prepareForks(workerFile: string): void {
  const execArgv = [...process.execArgv, ...heapOptions];
  cluster.setupPrimary({ exec: workerFile, args: [], execArgv, serialization: 'advanced' });
}

export function forkWorker(log: Logger): WorkerProcess {
  const worker: Worker = cluster.fork(workerEnvironment());
  return {
    pid: worker.process.pid ?? 0,
    send: (message, socket) => {
      // A worker that is going cannot be told anything any more; its exit says so.
      if (worker.isConnected())
        worker.send(message, socket ?? undefined, { keepOpen: true }, () => undefined);
    },
    kill: (signal) => {
      worker.process.kill(signal);
    },
    onMessage: (listener) => {
      worker.on('message', (raw: unknown) => {
        const message = toPrimarySchema.safeParse(raw);
        if (message.success) {
          listener(message.data);
          return;
        }
        // A worker that talks nonsense is broken; the others need this process.
        log.error(
          { pid: worker.process.pid, reason: message.error.message },
          'a worker sent a wrong message; ending it',
        );
        worker.process.kill('SIGKILL');
      });
    },
    onExit: (listener) => {
      // Not `exit`: the last messages may come after that. And `disconnect` never comes where a connection was on its way.
      worker.process.once('close', (code, signal) => {
        listener(signal ?? `exit code ${code ?? 'unknown'}`, code === 0);
      });
    },
  };
}
