// The primary's part in the view of connections: the memory that the embedded store keeps here, the removal of dead
// workers, and a reader for the admin server, whichever store was chosen.
import type { StoreChoice } from '../connections/choose-store.js';
import { EmbeddedView } from '../connections/embedded-view.js';
import type { WorkerView } from '../connections/record.js';
import { RedisReaper } from '../connections/redis/reaper.js';
import { RedisStore } from '../connections/redis/store.js';
import type { PeerPage, PeerQuery, WorkerReaper } from '../connections/store.js';
import { noView } from '../connections/unlisted-store.js';
import type { ViewReply, ViewRequest } from '../connections/view-messages.js';
import { describeError } from '../errors.js';
import type { ConnectionsView } from '../handlers/connection-handler.js';
import type { Logger } from '../log.js';

export class PrimaryView implements ConnectionsView {
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

  list(query: PeerQuery): Promise<PeerPage> {
    if (!this.#isListed) return Promise.reject(noView());
    return this.#redis?.list(query) ?? Promise.resolve(this.#memory.list(query));
  }

  workers(): Promise<readonly WorkerView[]> {
    return this.#redis?.workers() ?? Promise.resolve(this.#memory.workers());
  }

  async close(): Promise<void> {
    await this.#redis?.close();
    await this.#reaper.close();
  }
}
