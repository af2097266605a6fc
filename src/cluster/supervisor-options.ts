// What the supervisor of workers is given, and whom it tells of what they say.
import type { Logger } from '../log.js';
import type { ToPrimary, ToWorker } from './messages.js';
import type { SharingNews } from './sharing/share-messages.js';
import type { WorkerProcess } from './worker-process.js';

type From<Type extends ToPrimary['type']> = Extract<ToPrimary, { type: Type }>;
type Reply = (message: ToWorker) => void;

export type ServingFacts = Omit<From<'serving'>, 'type'>;

export interface SupervisorOptions {
  readonly slots: number;
  readonly hostId: string;
  readonly fork: () => WorkerProcess;
  /** What the worker in `slot` is told when it asks. */
  readonly start: (slot: number, workerId: string) => ToWorker;
  /** A worker asks the view. */
  readonly onView: (workerId: string, message: From<'view'>, reply: Reply) => void;
  /** A worker tells of connections that went and asks for those that came. */
  readonly onPlaces: (workerId: string, message: From<'places'>, reply: Reply) => void;
  /** A client has shown a worker a token. */
  readonly onToken: (workerId: string, message: From<'token'>, reply: Reply) => void;
  /** Clients that have shown tokens are gone. */
  readonly onTokensWithdrawn: (workerId: string, ids: readonly number[]) => void;
  /** A worker wants peers disconnected. */
  readonly onKick: (workerId: string, message: From<'kick'>, reply: Reply) => void;
  /** A worker has disconnected those that it had of them. */
  readonly onDisconnected: (workerId: string, id: number, ids: readonly string[]) => void;
  /** A worker could serve; resolves to whether it does, when it has caught up with changes. */
  readonly onArrival: (workerId: string, process: WorkerProcess, facts: ServingFacts) => Promise<boolean>;
  /** A worker wants something changed. */
  readonly onChange: (workerId: string, message: From<'change'>, reply: Reply) => void;
  /** A worker answers what it was asked of a change. */
  readonly onFollowed: (
    workerId: string,
    message: From<'prepared' | 'aborting' | 'switched' | 'committed'>,
  ) => void;
  /** A worker that was forked later than the start cannot load what it should; it ends. */
  readonly onFailed: (slot: number, message: From<'failed'>) => void;
  /** A worker serves from now on. */
  readonly onServing: (workerId: string, process: WorkerProcess, facts: ServingFacts) => void;
  /** A worker has images to share, or helps nobody. */
  readonly onSharing: (workerId: string, news: SharingNews) => void;
  /** A worker that serves has said anything at all. */
  readonly onHeard: (workerId: string) => void;
  /** A worker has a connection that was sent to it. */
  readonly onTaken: (workerId: string, connection: number) => void;
  /** A worker has ended, in whichever way; it says nothing more. */
  readonly onEnd: (workerId: string) => void;
  /** A worker has died and what it reported must go; one that ended as it was asked has tidied up itself. */
  readonly onDeath: (workerId: string) => Promise<void>;
  /** A worker that does not serve by then is killed and forked anew. */
  readonly startTimeoutMs: number;
  /** How long workers may take to end after `stop`. */
  readonly stopTimeoutMs: number;
  readonly restartDelayMaxMs: number;
  readonly log: Logger;
}
