// The store that all hosts share through Redis: a worker writes itself and its own peers, and reads
// everybody's. Keys are in keys.ts, what happens at once in scripts.ts, reading in
// page.ts.
import assert from 'node:assert/strict';
import { z } from 'zod';
import { StoreUnavailableError } from '../../errors.js';
import type { RedisSettings } from '../choose-store.js';
import { hostOf, mayHold } from '../filter.js';
import { eventHistoryMax } from '../limits.js';
import type { PeerRecord, WorkerRecord } from '../record.js';
import { RedisConnection } from './connection.js';
import { readDirectory, readWorkers, type Directory } from './directory.js';
import { fillFlush, inChunks, toFields } from './flush.js';
import { redisKeys, type RedisKeys } from './keys.js';
import { readClosed, readEvents } from './history.js';
import { findPeers, readPage } from './page.js';
import { leaseField, toWorkerHash } from './records.js';
import { removeStale, removeWorkers } from './removal.js';
import { parseReply } from './reply.js';
import { heartbeat, install, putPeers } from './scripts.js';
import type {
  ClosedPage,
  ConnectionStore,
  EventPage,
  EventQuery,
  PeerPage,
  PeerQuery,
  ViewChanges,
  WorkersPage,
} from '../store.js';

const heartbeatReply = z.enum(['ok', 'resync']);

/** No write has this number: a heartbeat that names it is answered `resync`. */
const neverWritten = -1;

/** Workers whose unreadable values have been reported; beyond it nothing more is. */
const reportedMax = 1_000;

export class RedisStore implements ConnectionStore {
  readonly kind = 'redis';
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #settings: RedisSettings;
  readonly #onTrouble: (message: string) => void;
  readonly #reported = new Set<string>();
  #workerId: string | null = null;
  /** The number of this worker's last write; Redis keeps it too, which shows whether that has arrived. */
  #epoch = 0;
  /** A write has failed: what Redis holds is anybody's guess until the next resync. */
  #behind = false;
  #lastWrite: Promise<unknown> = Promise.resolve();

  /** Connects at `open`. `onTrouble` takes lines for the log. Throws StartupError for a URL that is none. */
  constructor(settings: RedisSettings, onTrouble: (message: string) => void) {
    this.#connection = new RedisConnection({ ...settings, onTrouble });
    this.#keys = redisKeys(settings.keyPrefix);
    this.#settings = settings;
    this.#onTrouble = onTrouble;
  }

  open(worker: WorkerRecord): Promise<void> {
    this.#workerId = worker.worker;
    return this.#write(async () => {
      await this.#connection.ready();
      await this.#replace(worker, []);
    });
  }

  flush(changes: ViewChanges): Promise<void> {
    return this.#write(async () => {
      const epoch = ++this.#epoch;
      const { keyTtlMs } = this.#settings;
      const flush = { ...changes, workerId: this.#ownId(), epoch, keyTtlMs };
      const replies = await this.#connection.runAll((pipeline) => {
        fillFlush(pipeline, this.#keys, flush);
      });
      // Only what appends to the history has words to say.
      for (const reply of replies) if (typeof reply === 'string') this.#connection.refuses(reply);
    });
  }

  heartbeat(worker: WorkerRecord, peerCount: number): Promise<'ok' | 'resync'> {
    return this.#write(async () => {
      const id = worker.worker;
      const keys = [this.#keys.workers, this.#keys.worker(id), this.#keys.peers(id), this.#keys.resync(id)];
      const epoch = this.#behind ? neverWritten : this.#epoch;
      const values = [id, epoch, peerCount, this.#settings.keyTtlMs, ...this.#hashOf(worker)];
      const reply = await this.#connection.run((redis) =>
        redis.eval(heartbeat, keys.length, ...keys, ...values),
      );
      return parseReply(heartbeatReply, reply);
    });
  }

  resync(worker: WorkerRecord, peers: readonly PeerRecord[]): Promise<void> {
    return this.#write(() => this.#replace(worker, peers));
  }

  async list(query: PeerQuery): Promise<PeerPage> {
    assert(query.limit >= 1, 'a page has room for one peer at least');
    const { alive, left } = await this.#readDirectory();
    const page = await readPage(this.#connection, this.#keys, alive, query, this.#reportUnreadable);
    return { ...page, unread: [...page.unread, ...left.filter((id) => mayHold(id, query.filter))].sort() };
  }

  async find(ids: readonly string[]): Promise<readonly PeerRecord[]> {
    if (ids.length === 0) return [];
    const { alive } = await this.#readDirectory();
    const { peers } = await findPeers(this.#connection, this.#keys, alive, ids, this.#reportUnreadable);
    return peers;
  }

  closed(query: PeerQuery): Promise<ClosedPage> {
    return readClosed(this.#connection, this.#keys, query);
  }

  events(query: EventQuery): Promise<EventPage> {
    return readEvents(this.#connection, this.#keys, query);
  }

  async workers(): Promise<WorkersPage> {
    const directory = await this.#readDirectory();
    const { workers, unread } = await readWorkers(
      this.#connection,
      this.#keys,
      directory,
      this.#reportUnreadable,
    );
    return { workers, unread: [...unread, ...directory.left].sort(), scope: 'all hosts' };
  }

  async close(): Promise<void> {
    try {
      const id = this.#workerId;
      if (id !== null) {
        const removal = { reason: 'drain', rowsMax: 0, leases: null } as const;
        await this.#write(() => removeWorkers(this.#connection, this.#keys, hostOf(id), [id], removal));
      }
    } catch (error) {
      // Redis is away: the lease runs out, and whoever meets it removes this worker.
      if (!(error instanceof StoreUnavailableError)) throw error;
    } finally {
      this.#connection.close();
    }
  }

  /** The resync: chunks into a key of its own, which then takes the place of the old one at once. */
  async #replace(worker: WorkerRecord, peers: readonly PeerRecord[]): Promise<void> {
    const id = worker.worker;
    const key = this.#keys.resync(id);
    const { keyTtlMs } = this.#settings;
    await this.#connection.run((redis) => redis.unlink(key));
    for (const chunk of inChunks(peers)) {
      await this.#connection.run((redis) => redis.eval(putPeers, 1, key, keyTtlMs, ...toFields(chunk)));
    }
    const epoch = ++this.#epoch;
    const keys = [this.#keys.workers, this.#keys.worker(id), this.#keys.peers(id), key, this.#keys.events];
    const values = [
      id,
      hostOf(id),
      new Set(peers.map((peer) => peer.id)).size,
      keyTtlMs,
      eventHistoryMax,
      'epoch',
      epoch,
      ...this.#hashOf(worker),
    ];
    await this.#connection.run((redis) => redis.eval(install, keys.length, ...keys, ...values));
    this.#behind = false;
  }

  /** Others, whose own may be shorter, judge it by this lease. */
  #hashOf(worker: WorkerRecord): readonly (string | number)[] {
    return [...toWorkerHash(worker), leaseField, this.#settings.leaseMs];
  }

  /**
   * `left`: workers whose lease does not hold and who cannot be removed yet, and this one where Redis has lost it: it is there, and
   * its next heartbeat sends everything again.
   */
  async #readDirectory(): Promise<Directory & { readonly left: readonly string[] }> {
    const directory = await readDirectory(this.#connection, this.#keys, this.#settings.leaseMs);
    const stale = await removeStale(this.#connection, this.#keys, directory, this.#settings);
    const own = this.#workerId;
    const isLost = own !== null && !directory.alive.has(own) && !stale.includes(own);
    return { ...directory, left: isLost ? [...stale, own] : stale };
  }

  /** One write after the other: a flush must not fall between the parts of a resync. */
  #write<T>(write: () => Promise<T>): Promise<T> {
    const written = this.#lastWrite
      .then(write)
      .then((answer) => {
        if (!this.#behind) this.#connection.tookWrites();
        return answer;
      })
      .catch((error: unknown) => {
        this.#behind = true;
        throw error;
      });
    this.#lastWrite = written.catch(() => undefined);
    return written;
  }

  #ownId(): string {
    assert(this.#workerId !== null, 'a worker opens the store before it writes to it');
    return this.#workerId;
  }

  readonly #reportUnreadable = (workerId: string): void => {
    if (this.#reported.has(workerId) || this.#reported.size >= reportedMax) return;
    this.#reported.add(workerId);
    this.#onTrouble(`Redis holds values for worker ${workerId} that are no records; they are left out`);
  };
}
