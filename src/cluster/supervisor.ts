// Keeps the wanted number of workers alive: forks them, waits until they serve, replaces those that die, and
// leads them out at the end. It knows no cluster and no socket: `fork` gives it processes.
import { randomBytes } from 'node:crypto';
import { StartupError } from '../errors.js';
import type { ToPrimary } from './messages.js';
import type { ServingFacts, SupervisorOptions } from './supervisor-options.js';
import type { WorkerProcess } from './worker-process.js';

/** First wait of a worker that died again; it doubles from there. */
const restartDelayMinMs = 200;
/** A worker that served for so long was sound: its next death is the first one again. */
const soundAfterMs = 10_000;
/** At the start of the server nobody is served yet: so many deaths, and the start has failed. */
const startDeathsMax = 3;

interface Slot {
  readonly number: number;
  process: WorkerProcess | null;
  workerId: string;
  serving: ServingFacts | null;
  servingSince: number;
  /** Deaths in a row. */
  deaths: number;
  timer: NodeJS.Timeout | null;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #slots: Slot[];
  #started = false;
  #stopping = false;
  #onStarted: (facts: ServingFacts | null) => void = () => undefined;
  #onStartFailed: (error: StartupError) => void = () => undefined;
  #onStopped: () => void = () => undefined;
  /** Records of dead workers that are being removed. */
  readonly #removals = new Set<Promise<void>>();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.slots }, (_, index) => ({
      number: index + 1,
      process: null,
      workerId: '',
      serving: null,
      servingSince: 0,
      deaths: 0,
      timer: null,
    }));
  }

  /**
   * Forks all workers; resolves when all serve, or to null where it is told to stop before that. Throws StartupError
   * where one says that it cannot serve.
   */
  start(): Promise<ServingFacts | null> {
    return new Promise((resolve, reject) => {
      this.#onStarted = resolve;
      this.#onStartFailed = reject;
      for (const slot of this.#slots) this.#fork(slot);
    });
  }

  /** How many workers serve. */
  get serving(): number {
    return this.#slots.filter((slot) => slot.serving !== null).length;
  }

  /** True from the moment it was told to stop. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Asks all workers to end and resolves when they have; those that take too long are killed. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#onStarted(null);
    const stopped = new Promise<void>((resolve) => {
      this.#onStopped = resolve;
    });
    for (const slot of this.#slots) {
      if (slot.timer !== null) clearTimeout(slot.timer);
      slot.process?.send({ type: 'stop' });
    }
    const timer = setTimeout(() => {
      this.#options.log.warn('workers did not end in time; killing them');
      this.killAll();
    }, this.#options.stopTimeoutMs);
    this.#checkStopped();
    await stopped;
    clearTimeout(timer);
    await Promise.all(this.#removals);
  }

  killAll(): void {
    this.#stopping = true;
    for (const slot of this.#slots) slot.process?.kill('SIGKILL');
  }

  #fork(slot: Slot): void {
    const { fork, hostId, startTimeoutMs, log } = this.#options;
    const process = fork();
    slot.process = process;
    slot.workerId = `${hostId}:${slot.number}:${randomBytes(4).toString('hex')}`;
    const { workerId } = slot;
    slot.serving = null;
    slot.timer = setTimeout(() => {
      log.error(
        { worker: slot.number, pid: process.pid, startTimeoutMs },
        'a worker did not start in time: a large model, or a busy machine, needs a longer cluster.start_timeout_ms',
      );
      process.kill('SIGKILL');
    }, startTimeoutMs);
    process.onMessage((message) => {
      // A message of one that has ended meanwhile says nothing of the one that took its place.
      if (slot.process === process) this.#receive(slot, process, workerId, message);
    });
    process.onExit((how, orderly) => {
      this.#ended(slot, process, how, orderly);
    });
  }

  #receive(slot: Slot, process: WorkerProcess, workerId: string, message: ToPrimary): void {
    this.#options.onHeard(workerId);
    switch (message.type) {
      case 'booted':
        process.send(this.#options.start(slot.number, workerId));
        if (this.#stopping) process.send({ type: 'stop' });
        return;
      case 'serving':
        void this.#arrived(slot, process, workerId, message);
        return;
      case 'change':
        this.#options.onChange(workerId, message, (reply) => {
          process.send(reply);
        });
        return;
      case 'prepared':
      case 'aborting':
      case 'switched':
      case 'committed':
        this.#options.onFollowed(workerId, message);
        return;
      case 'taken':
        this.#options.onTaken(workerId, message.connection);
        return;
      case 'sharing':
        this.#options.onSharing(workerId, message.news);
        return;
      case 'alive':
        return;
      case 'failed':
        if (this.#started) this.#options.onFailed(slot.number, message);
        else this.#onStartFailed(new StartupError(message.problem, message.cure));
        return;
      case 'view':
        this.#options.onView(workerId, message, (reply) => {
          process.send(reply);
        });
        return;
      case 'places':
        this.#options.onPlaces(workerId, message, (reply) => {
          process.send(reply);
        });
        return;
      case 'token':
        this.#options.onToken(workerId, message, (reply) => {
          process.send(reply);
        });
        return;
      case 'tokens withdrawn':
        this.#options.onTokensWithdrawn(workerId, message.ids);
        return;
      case 'kick':
        this.#options.onKick(workerId, message, (reply) => {
          process.send(reply);
        });
        return;
      case 'disconnected':
        this.#options.onDisconnected(workerId, message.id, message.ids);
        return;
      default:
        message satisfies never;
    }
  }

  async #arrived(slot: Slot, process: WorkerProcess, workerId: string, facts: ServingFacts): Promise<void> {
    // It has started; that it may have to wait for a change is not its fault.
    if (slot.timer !== null) clearTimeout(slot.timer);
    const serves = await this.#options.onArrival(workerId, process, facts);
    if (serves && slot.process === process) this.#serves(slot, process, facts);
  }

  #serves(slot: Slot, process: WorkerProcess, facts: ServingFacts): void {
    slot.serving = facts;
    slot.servingSince = Date.now();
    this.#options.log.debug({ worker: slot.number, pid: process.pid }, 'a worker serves');
    this.#options.onServing(slot.workerId, process, facts);
    if (this.#started || this.serving < this.#slots.length) return;
    this.#started = true;
    this.#onStarted(slot.serving);
  }

  #ended(slot: Slot, process: WorkerProcess, how: string, orderly: boolean): void {
    const { log, onEnd, onDeath, restartDelayMaxMs } = this.#options;
    if (slot.timer !== null) clearTimeout(slot.timer);
    const wasSound = slot.serving !== null && Date.now() - slot.servingSince >= soundAfterMs;
    slot.process = null;
    slot.serving = null;
    onEnd(slot.workerId);
    if (!orderly) this.#track(onDeath(slot.workerId));
    if (this.#stopping) {
      this.#checkStopped();
      return;
    }
    slot.deaths = wasSound ? 1 : slot.deaths + 1;
    if (!this.#started && slot.deaths >= startDeathsMax) {
      this.#onStartFailed(
        new StartupError(`a worker ended ${slot.deaths} times before it served (${how})`, 'see the log'),
      );
      return;
    }
    const delayMs =
      slot.deaths === 1 ? 0 : Math.min(restartDelayMinMs * 2 ** (slot.deaths - 2), restartDelayMaxMs);
    log.error(
      { worker: slot.number, pid: process.pid, how, deaths: slot.deaths, delayMs },
      'a worker died; forking a new one',
    );
    slot.timer = setTimeout(() => {
      this.#fork(slot);
    }, delayMs);
  }

  #track(removal: Promise<void>): void {
    this.#removals.add(removal);
    void removal.finally(() => this.#removals.delete(removal));
  }

  #checkStopped(): void {
    if (this.#slots.every((slot) => slot.process === null)) this.#onStopped();
  }
}
