// A view that answers when it is told to, and knows how often it is asked.
import { EmbeddedView } from '#src/connections/embedded-view.js';
import type { PeerPage, PeerQuery, WorkersPage } from '#src/connections/store.js';
import { eventually } from '../support/deadline.js';

export class HoldingView extends EmbeddedView {
  /** How often it was asked in all, and what is asked of it now. */
  asked = 0;
  atOnceMax = 0;
  readonly #held: (() => void)[] = [];

  constructor() {
    super({ leaseMs: 3_600_000 });
  }

  override async list(query: PeerQuery): Promise<PeerPage> {
    await this.#hold();
    return super.list(query);
  }

  override async workers(): Promise<WorkersPage> {
    await this.#hold();
    return super.workers();
  }

  /** Answers the oldest question, which is there soon. */
  async release(): Promise<void> {
    const release = await eventually('the view is asked', () => this.#held.shift() ?? null);
    release();
  }

  async #hold(): Promise<void> {
    this.asked++;
    await new Promise<void>((resolve) => {
      this.#held.push(resolve);
      this.atOnceMax = Math.max(this.atOnceMax, this.#held.length);
    });
  }
}
