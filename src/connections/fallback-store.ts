// A worker's store where Redis is the view and the primary's memory steps in while that is away. What could not be
// written to Redis goes to the memory: first everything, then what changes. While it is away it is looked
// at several times in a lease, so that a short outage costs none; once it has taken everything, and what has happened meanwhile,
// the worker leaves the memory and goes on with Redis alone.
import { StoreUnavailableError } from '../errors.js';
import { settlesIn } from '../in-time.js';
import { FallbackReader, ifPrimarySays } from './fallback-reader.js';
import { LookAgain } from './look-again.js';
import { MissedHistory } from './missed-history.js';
import type { PeerRecord, WorkerRecord } from './record.js';
import { ServingReader, type Serving } from './serving-reader.js';
import type {
  ClosedPage,
  ConnectionsReader,
  ConnectionStore,
  EventPage,
  EventQuery,
  PeerPage,
  PeerQuery,
  ViewChanges,
  WorkersPage,
} from './store.js';

/** The primary's memory, which a worker can leave without having ended. */
export interface MemoryStore extends ConnectionStore {
  /** Takes the worker out, without a word in the history. Rejects with StoreUnavailableError. */
  leave(): Promise<void>;
  /** Rejects with StoreUnavailableError. */
  serving(): Promise<Serving>;
}

/** Of a lease, how soon a Redis that is away is looked at, and how soon at the latest where it answers and then fails again and again. */
const lookShare = 1 / 15;
const lookShareMax = 1 / 3;

/** At the end of a worker, for what Redis has missed: no more is left where it hangs. */
const lastReplayMs = 1_000;

/** Of a lease, for how long at a time Redis is told what it has missed; the lease has to be renewed between. */
const replayShare = 1 / 3;

export class FallbackStore implements ConnectionStore {
  readonly kind = 'redis';
  readonly #redis: ConnectionStore;
  readonly #memory: MemoryStore;
  readonly #reader: ConnectionsReader;
  readonly #leaseMs: number;
  readonly #again: LookAgain;
  readonly #missed = new MissedHistory();
  #isAway = false;
  /** The memory holds nothing of this worker, or what it held in an earlier outage. */
  #isMemoryStale = true;
  /** Redis has answered while it counted as away: the next heartbeat asks for everything, for Redis. */
  #isBack = false;
  #isLooking = false;
  /** Redis has taken a heartbeat since it was last away; one that takes the first things again and then none is looked at less often. */
  #isProven = false;
  #onBack: () => void = () => undefined;
  /** As whom Redis is looked at. */
  #worker: WorkerRecord | null = null;

  /** `leaseMs`: how long Redis may go without a heartbeat. */
  constructor(redis: ConnectionStore, memory: MemoryStore, leaseMs: number) {
    this.#redis = redis;
    this.#leaseMs = leaseMs;
    this.#memory = memory;
    this.#again = new LookAgain({
      look: () => void this.#look(),
      soonestMs: leaseMs * lookShare,
      latestMs: leaseMs * lookShareMax,
    });
    const reader = new FallbackReader(redis, memory, () => this.#isAway);
    // Where the primary does not say, nobody is missed.
    this.#reader = new ServingReader(reader, () =>
      ifPrimarySays(memory.serving(), { workers: [], away: [] }),
    );
  }

  onBack(listener: () => void): void {
    this.#onBack = listener;
  }

  async open(worker: WorkerRecord): Promise<void> {
    this.#worker = worker;
    try {
      await this.#redis.open(worker);
    } catch (error) {
      this.#fallBack(error);
      await this.#memory.open(worker);
      this.#isMemoryStale = false;
      return;
    }
    this.#isProven = true;
    await this.#leaveMemory();
  }

  async flush(changes: ViewChanges): Promise<void> {
    if (this.#isAway) {
      this.#missed.add(changes);
      return this.#memory.flush(changes);
    }
    try {
      await this.#redis.flush(changes);
    } catch (error) {
      if (!this.#isProven) this.#again.lessOften();
      this.#fallBack(error);
      // The peers come with the resync that the caller owes now; what has happened would not. Redis may have taken it and
      // not said so: then it stands there twice.
      this.#missed.add(changes);
      await this.#memory.flush({ ...changes, changed: [] });
      throw error;
    }
  }

  async heartbeat(worker: WorkerRecord, peerCount: number): Promise<'ok' | 'resync'> {
    this.#worker = worker;
    if (this.#isAway) {
      void this.#look();
    } else {
      try {
        const answer = await this.#redis.heartbeat(worker, peerCount);
        if (answer === 'ok') {
          this.#isProven = true;
          this.#again.soon();
          await this.#replay();
        }
        return answer;
      } catch (error) {
        this.#fallBack(error);
      }
    }
    if (this.#isBack || this.#isMemoryStale) return 'resync';
    return this.#memory.heartbeat(worker, peerCount);
  }

  async resync(worker: WorkerRecord, peers: readonly PeerRecord[]): Promise<void> {
    if (!this.#isAway || this.#isBack) {
      try {
        await this.#redis.resync(worker, peers);
        await this.#replay();
        const wasAway = this.#isAway;
        this.#isAway = false;
        this.#isBack = false;
        if (wasAway) await this.#leaveMemory();
        return;
      } catch (error) {
        if (!this.#isProven) this.#again.lessOften();
        this.#fallBack(error);
      }
    }
    await this.#memory.resync(worker, peers);
    this.#isMemoryStale = false;
  }

  list(query: PeerQuery): Promise<PeerPage> {
    return this.#reader.list(query);
  }

  find(ids: readonly string[]): Promise<readonly PeerRecord[]> {
    return this.#reader.find(ids);
  }

  closed(query: PeerQuery): Promise<ClosedPage> {
    return this.#reader.closed(query);
  }

  events(query: EventQuery): Promise<EventPage> {
    return this.#reader.events(query);
  }

  workers(): Promise<WorkersPage> {
    return this.#reader.workers();
  }

  async close(): Promise<void> {
    this.#again.stop();
    const memory = this.#memory.close();
    // What fails is lost: the primary has it no more either.
    if (!this.#isAway) await settlesIn(this.#replay(lastReplayMs), lastReplayMs);
    await Promise.all([memory, this.#redis.close()]);
  }

  #fallBack(error: unknown): void {
    if (!(error instanceof StoreUnavailableError)) throw error;
    if (!this.#isAway) this.#isMemoryStale = true;
    this.#isAway = true;
    this.#isBack = false;
    this.#isProven = false;
    this.#again.later();
  }

  /** Whether Redis answers again; nobody waits for it. */
  async #look(): Promise<void> {
    const worker = this.#worker;
    if (worker === null || this.#isLooking || !this.#needsLook()) return;
    this.#isLooking = true;
    try {
      // Whatever it holds of this worker: that it answers is all that counts.
      await this.#redis.heartbeat(worker, 0);
      if (!this.#needsLook()) return;
      this.#isBack = true;
      this.#onBack();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      this.#again.later();
    } finally {
      this.#isLooking = false;
    }
  }

  #needsLook(): boolean {
    return this.#isAway && !this.#isBack && !this.#again.isStopped;
  }

  /** Tells Redis what it has missed; what takes too long is told after the next heartbeat. */
  #replay(maxMs = this.#leaseMs * replayShare): Promise<void> {
    return this.#missed.tell(
      (history) => this.#redis.flush({ changed: [], ...history }),
      performance.now() + maxMs,
    );
  }

  async #leaveMemory(): Promise<void> {
    try {
      await this.#memory.leave();
    } catch (error) {
      // The primary is gone, and its memory with it.
      if (!(error instanceof StoreUnavailableError)) throw error;
    }
  }
}
