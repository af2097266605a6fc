// The primary's part in the view of connections: the memory that the embedded store keeps here, and that steps in for
// Redis while that is away; the removal of dead workers; and a reader for the admin server, whichever store was chosen.
import type { StoreChoice } from '../connections/choose-store.js';
import { EmbeddedView } from '../connections/embedded-view.js';
import { FallbackReader } from '../connections/fallback-reader.js';
import type { PeerRecord } from '../connections/record.js';
import { RedisReaper } from '../connections/redis/reaper.js';
import { RedisStore } from '../connections/redis/store.js';
import { ServingReader } from '../connections/serving-reader.js';
import type {
  ClosedPage,
  ConnectionsReader,
  EventPage,
  EventQuery,
  PeerPage,
  PeerQuery,
  WorkersPage,
} from '../connections/store.js';
import { noView } from '../connections/unlisted-store.js';
import type { ViewReply, ViewRequest } from '../connections/view-messages.js';
import { describeError, StoreUnavailableError } from '../errors.js';
import type { Logger } from '../log.js';

/** What is done with Redis where it is the view. */
interface SharedView {
  readonly store: RedisStore;
  readonly reaper: RedisReaper;
}

export interface PrimaryViewOptions {
  readonly leaseMs: number;
  /** How often workers whose lease has run out are cleared away, whether somebody lists or not. */
  readonly sweepIntervalMs: number;
  readonly log: Logger;
}

export class PrimaryView implements ConnectionsReader {
  readonly #memory: EmbeddedView;
  readonly #shared: SharedView | null;
  readonly #reader: ConnectionsReader;
  readonly #isListed: boolean;
  readonly #log: Logger;
  /** The workers that serve, and so ought to be in the view. */
  readonly #serving = new Set<string>();
  /** Some worker could not reach Redis, and the log has said so. */
  #hasFallenBack = false;
  readonly #timers: readonly NodeJS.Timeout[];

  constructor(choice: StoreChoice, { leaseMs, sweepIntervalMs, log }: PrimaryViewOptions) {
    // Workers tell of an outage themselves; here it would be the same news once more.
    const onTrouble = (message: string) => {
      log.debug(message);
    };
    this.#log = log;
    this.#isListed = choice.kind !== 'none';
    this.#memory = new EmbeddedView({
      leaseMs,
      serving: () => this.#serving,
      isFallback: choice.kind === 'redis',
    });
    if (choice.kind === 'redis') {
      const store = new RedisStore(choice.redis, onTrouble);
      const reaper = new RedisReaper(choice.redis, onTrouble);
      this.#shared = { store, reaper };
      this.#timers = [
        every(sweepIntervalMs, () => this.#tend(() => reaper.sweep())),
        every(reaper.pulseIntervalMs, () => this.#tend(() => reaper.pulse())),
      ];
      const reader = new FallbackReader(store, this.#memory, () => this.#isAllHere());
      this.#reader = new ServingReader(reader, () =>
        Promise.resolve({ workers: this.#serving, away: this.#memory.workerIds }),
      );
    } else {
      this.#shared = null;
      this.#timers = [];
      this.#reader = this.#memory;
    }
  }

  /** Answers what a worker asks of the memory. */
  answer(workerId: string, request: ViewRequest): ViewReply {
    if (request.type === 'close') this.#serving.delete(workerId);
    const reply = this.#memory.handle(workerId, request);
    if (this.#shared !== null) this.#tellOfFallback(request);
    return reply;
  }

  serves(workerId: string): void {
    this.#serving.add(workerId);
  }

  /** It has ended, in order or not. */
  ended(workerId: string): void {
    this.#serving.delete(workerId);
  }

  /** Removes what a dead worker has reported; never rejects. */
  async removeDead(workerId: string): Promise<void> {
    await this.#memory.removeWorker(workerId, 'worker died');
    try {
      await this.#shared?.reaper.removeWorker(workerId, 'worker died');
    } catch (error) {
      this.#log.warn(
        { worker: workerId, reason: describeError(error) },
        'the records of a dead worker stay until its lease ends',
      );
    }
  }

  async list(query: PeerQuery): Promise<PeerPage> {
    return this.#listed().list(query);
  }

  async find(ids: readonly string[]): Promise<readonly PeerRecord[]> {
    return this.#listed().find(ids);
  }

  async closed(query: PeerQuery): Promise<ClosedPage> {
    return this.#listed().closed(query);
  }

  async events(query: EventQuery): Promise<EventPage> {
    return this.#listed().events(query);
  }

  workers(): Promise<WorkersPage> {
    return this.#reader.workers();
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#shared?.store.close();
    await this.#shared?.reaper.close();
  }

  /** Never rejects: nobody waits for it. */
  async #tend(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      // An absent Redis is told of already, and the next time comes by itself.
      if (!(error instanceof StoreUnavailableError))
        this.#log.warn(
          { reason: describeError(error) },
          'the records of lost workers cannot be cleared away',
        );
    }
  }

  /** Throws NotPermittedError where no view is kept. */
  #listed(): ConnectionsReader {
    if (!this.#isListed) throw noView();
    return this.#reader;
  }

  /** No worker of this host can write to Redis: what that still says of them, if it answers, grows old. */
  #isAllHere(): boolean {
    return this.#memory.workerCount > 0 && this.#memory.workerCount >= this.#serving.size;
  }

  #tellOfFallback({ type }: ViewRequest): void {
    const isReport = type === 'open' || type === 'resync';
    if (isReport && !this.#hasFallenBack) {
      this.#hasFallenBack = true;
      this.#log.warn('Redis is away: the view of connections covers this host only until it is back');
    }
    if (type === 'leave' && this.#hasFallenBack && this.#memory.workerCount === 0) {
      this.#hasFallenBack = false;
      this.#log.info('Redis is back: the view of connections covers all hosts again');
    }
  }
}

/** Does it again and again, but not while the last time is still under way. `work` never rejects. */
function every(intervalMs: number, work: () => Promise<void>): NodeJS.Timeout {
  let isUnderWay = false;
  return setInterval(() => {
    if (isUnderWay) return;
    isUnderWay = true;
    void work().finally(() => {
      isUnderWay = false;
    });
  }, intervalMs).unref();
}
