// The primary's part in the view of connections: the memory that the embedded store keeps here, the removal of dead
// workers, and a reader for the admin server, whichever store was chosen.
import type { StoreChoice } from '../connections/choose-store.js';
import { EmbeddedView } from '../connections/embedded-view.js';
import type { PeerRecord, WorkerView } from '../connections/record.js';
import { RedisReaper } from '../connections/redis/reaper.js';
import { RedisStore } from '../connections/redis/store.js';
import type {
  ClosedPage,
  ConnectionsReader,
  EventPage,
  EventQuery,
  PeerPage,
  PeerQuery,
  WorkerReaper,
} from '../connections/store.js';
import { noView } from '../connections/unlisted-store.js';
import type { ViewReply, ViewRequest } from '../connections/view-messages.js';
import { describeError } from '../errors.js';
import type { Logger } from '../log.js';

export class PrimaryView implements ConnectionsReader {
  readonly #memory: EmbeddedView;
  readonly #reaper: WorkerReaper;
  /** Reads all hosts; null where the memory is the view. */
  readonly #redis: RedisStore | null;
  readonly #isListed: boolean;
  readonly #log: Logger;

  constructor(choice: StoreChoice, leaseMs: number, log: Logger) {
    // Workers tell of an outage themselves; here it would be the same news once more.
    const onTrouble = (message: string) => {
      log.debug(message);
    };
    this.#log = log;
    this.#isListed = choice.kind !== 'none';
    this.#memory = new EmbeddedView({ leaseMs });
    this.#redis = choice.kind === 'redis' ? new RedisStore(choice.redis, onTrouble) : null;
    this.#reaper = choice.kind === 'redis' ? new RedisReaper(choice.redis, onTrouble) : this.#memory;
  }

  /** Answers what a worker asks of the memory. */
  answer(workerId: string, request: ViewRequest): ViewReply {
    return this.#memory.handle(workerId, request);
  }

  /** Removes what a dead worker has reported; never rejects. */
  async removeDead(workerId: string): Promise<void> {
    try {
      await this.#reaper.removeWorker(workerId, 'worker died');
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

  workers(): Promise<readonly WorkerView[]> {
    return (this.#redis ?? this.#memory).workers();
  }

  /** Throws NotPermittedError where no view is kept. */
  #listed(): ConnectionsReader {
    if (!this.#isListed) throw noView();
    return this.#redis ?? this.#memory;
  }

  async close(): Promise<void> {
    await this.#redis?.close();
    await this.#reaper.close();
  }
}
