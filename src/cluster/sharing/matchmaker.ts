// Who helps whom, in the primary. Workers tell when images wait with them and when they have nothing to do; each that has
// nothing to do is sent to the worker with the fewest helpers. Pure: news goes in, `send` is told who goes where.
// Nothing of an image passes here.
import type { SharingNews } from './share-messages.js';

/** What the primary knows of a worker that shares images. */
export interface SharingWorker {
  /** The fingerprint of its model: workers with different ones cannot help each other. */
  model: string;
  /** Where it hands out images. */
  readonly socketPath: string;
}

interface Entry extends SharingWorker {
  /** The number of its announcement; 0: nothing waits. */
  announcement: number;
  /** Waits to be sent somewhere. */
  free: boolean;
  /** Whom it helps. */
  helped: string | null;
}

/** Tells `helperId` to take images from the worker `lenderId`, at `socketPath`. */
export type SendHelper = (helperId: string, lenderId: string, socketPath: string) => void;

export class Matchmaker {
  readonly #send: SendHelper;
  /** A Map keeps the order; a lender goes to the end of it when it is sent a helper, so that lenders take turns. */
  readonly #workers = new Map<string, Entry>();

  constructor(send: SendHelper) {
    this.#send = send;
  }

  add(workerId: string, worker: SharingWorker): void {
    this.#workers.set(workerId, { ...worker, announcement: 0, free: false, helped: null });
  }

  remove(workerId: string): void {
    this.#workers.delete(workerId);
  }

  /** Its model is another one from now on. */
  changeModel(workerId: string, model: string): void {
    const worker = this.#workers.get(workerId);
    if (worker === undefined) return;
    worker.model = model;
    this.#match();
  }

  tell(workerId: string, news: SharingNews): void {
    const worker = this.#workers.get(workerId);
    if (worker === undefined) return;
    switch (news.news) {
      case 'images wait':
        worker.announcement = news.announcement;
        break;
      case 'helps nobody': {
        worker.helped = null;
        worker.free = news.free;
        const lender = news.dry === null ? undefined : this.#workers.get(news.dry.workerId);
        // What it has announced since then stands.
        if (lender !== undefined && lender.announcement === news.dry?.announcement) lender.announcement = 0;
        break;
      }
      default:
        news satisfies never;
    }
    this.#match();
  }

  #match(): void {
    for (const [helperId, helper] of [...this.#workers]) {
      if (!helper.free) continue;
      const lender = this.#lenderFor(helperId, helper.model);
      if (lender === null) continue;
      const [lenderId, { socketPath }] = lender;
      helper.free = false;
      helper.helped = lenderId;
      this.#workers.delete(lenderId);
      this.#workers.set(lenderId, lender[1]);
      this.#send(helperId, lenderId, socketPath);
    }
  }

  /** Of the workers whose images wait, the one with the fewest helpers. */
  #lenderFor(helperId: string, model: string): readonly [string, Entry] | null {
    let best: readonly [string, Entry] | null = null;
    let fewest = Infinity;
    for (const entry of this.#workers) {
      const [workerId, worker] = entry;
      if (worker.announcement === 0 || workerId === helperId || worker.model !== model) continue;
      const helpers = this.#helpersOf(workerId);
      if (helpers < fewest) [best, fewest] = [entry, helpers];
    }
    return best;
  }

  #helpersOf(workerId: string): number {
    let count = 0;
    for (const { helped } of this.#workers.values()) if (helped === workerId) count++;
    return count;
  }
}
