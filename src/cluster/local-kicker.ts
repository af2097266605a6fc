// Disconnects peers of this host. Nobody knows which worker has a peer, since it may have been moved, so all are asked;
// those that do not answer hold nobody up for longer than the limit.
import type { KickOutcome } from '../connections/kick.js';
import type { ToWorker } from './messages.js';
import { monotonicMs } from './monotonic.js';

interface Kick {
  readonly wanted: ReadonlySet<string>;
  /** Those that a worker had and has disconnected. */
  readonly kicked: Set<string>;
  /** The workers that have not answered. */
  readonly waitsFor: Set<string>;
  readonly end: () => void;
}

export class LocalKicker {
  readonly #workers = new Map<string, (message: ToWorker) => void>();
  readonly #kicks = new Map<number, Kick>();
  #lastId = 0;

  addWorker(workerId: string, send: (message: ToWorker) => void): void {
    this.#workers.set(workerId, send);
  }

  /** It has ended, and its peers with it: that is its answer. */
  removeWorker(workerId: string): void {
    this.#workers.delete(workerId);
    for (const kick of this.#kicks.values()) answer(kick, workerId, []);
  }

  /** A worker answers. */
  disconnected(workerId: string, id: number, ids: readonly string[]): void {
    const kick = this.#kicks.get(id);
    if (kick !== undefined) answer(kick, workerId, ids);
  }

  /** What became of each: `kicked`, `not found`, or `no answer` where a worker that may have it did not say so in time. */
  async kick(
    ids: readonly string[],
    by: string,
    limitMs: number,
  ): Promise<ReadonlyMap<string, Exclude<KickOutcome, 'owner unreachable'>>> {
    const id = ++this.#lastId;
    const wanted = new Set(ids);
    const kicked = new Set<string>();
    const waitsFor = new Set(this.#workers.keys());
    if (wanted.size > 0 && waitsFor.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, limitMs);
        const end = () => {
          clearTimeout(timer);
          resolve();
        };
        this.#kicks.set(id, { wanted, kicked, waitsFor, end });
        const untilMs = monotonicMs() + limitMs;
        const message: ToWorker = { type: 'disconnect', id, ids: [...wanted], by, untilMs };
        for (const send of this.#workers.values()) send(message);
      });
      this.#kicks.delete(id);
    }
    const otherwise = waitsFor.size === 0 ? 'not found' : 'no answer';
    return new Map([...wanted].map((peer) => [peer, kicked.has(peer) ? 'kicked' : otherwise]));
  }
}

function answer({ wanted, kicked, waitsFor, end }: Kick, workerId: string, ids: readonly string[]): void {
  if (!waitsFor.delete(workerId)) return;
  for (const id of ids) if (wanted.has(id)) kicked.add(id);
  if (waitsFor.size === 0 || kicked.size === wanted.size) end();
}
