// How many TLS handshakes are under way at once. Each costs memory, and a millisecond of the event loop: with thousands at
// once nobody would be done in time. Those that wait for their turn cost neither.

/** Far more than a core can do in the time that a network takes. */
export const handshakesMax = 512;
/** Of one network, so that nobody alone holds up the others. */
export const handshakesPerNetworkMax = 128;
/** Of those, the ones kept for networks that have none under way: a few that hang theirs hold up nobody else. */
export const newcomersMax = 128;

interface Queue {
  running: number;
  readonly waiting: (() => void)[];
}

export class HandshakeTurns {
  #running = 0;
  /** Those of networks in the order of their turns. */
  readonly #queues = new Map<string, Queue>();

  /** Resolves when it is the turn of one from this network; one `leave` has to follow. */
  async enter(network: string): Promise<void> {
    const queue = this.#queues.get(network) ?? { running: 0, waiting: [] };
    this.#queues.set(network, queue);
    if (this.#mayBegin(queue)) this.#begin(queue);
    else await new Promise<void>((resolve) => queue.waiting.push(resolve));
  }

  leave(network: string): void {
    const queue = this.#queues.get(network);
    if (queue === undefined) return;
    this.#running -= 1;
    queue.running -= 1;
    if (queue.running === 0 && queue.waiting.length === 0) this.#queues.delete(network);
    const next = this.#next();
    if (next !== null) this.#letNext(next);
  }

  #mayBegin({ running }: Queue): boolean {
    if (running === 0) return this.#running < handshakesMax;
    return running < handshakesPerNetworkMax && this.#running < handshakesMax - newcomersMax;
  }

  /** Whoever has the fewest under way; of equals the one whose turn is longest ago. */
  #next(): string | null {
    let next: string | null = null;
    let fewest = Infinity;
    for (const [network, queue] of this.#queues) {
      if (queue.waiting.length === 0 || queue.running >= fewest || !this.#mayBegin(queue)) continue;
      next = network;
      fewest = queue.running;
      if (fewest === 0) break;
    }
    return next;
  }

  #letNext(network: string): void {
    const queue = this.#queues.get(network);
    const resolve = queue?.waiting.shift();
    if (queue === undefined || resolve === undefined) return;
    // Its next turn comes after those of all others.
    this.#queues.delete(network);
    this.#queues.set(network, queue);
    this.#begin(queue);
    resolve();
  }

  #begin(queue: Queue): void {
    this.#running += 1;
    queue.running += 1;
  }
}
