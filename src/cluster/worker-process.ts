// A forked process, as the primary sees it.
import type { Socket } from 'node:net';
import type { ToPrimary, ToWorker } from './messages.js';

export interface WorkerProcess {
  readonly pid: number;
  /** `socket`: a connection that goes along, and stays open here as well. */
  send(message: ToWorker, socket?: Socket | null): void;
  kill(signal: NodeJS.Signals): void;
  onMessage(listener: (message: ToPrimary) => void): void;
  /**
   * It has ended, and every message of it has come. `how`: a signal or an exit code, for the log; `orderly`: it ended as
   * it was asked to.
   */
  onExit(listener: (how: string, orderly: boolean) => void): void;
}
