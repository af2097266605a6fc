// How many TLS handshakes are under way at once. Each costs memory, and a millisecond of the event loop: with thousands at
// once nobody would be done in time. Those that wait for their turn cost neither.

/** Far more than a core can do in the time that a network takes. */
export const handshakesMax = 512;
/** Of one address, so that nobody alone holds up the others. */
export const handshakesPerAddressMax = 128;

interface Queue {
  running: number;
  readonly waiting: (() => void)[];
}

export class HandshakeTurns {
  #running = 0;
  /** Those of addresses in the order of their turns. */
  readonly #queues = new Map<string, Queue>();

  /** Resolves when it is the turn of one from this address; one `leave` has to follow. */
  async enter(address: string): Promise<void> {
    const queue = this.#queues.get(address) ?? { running: 0, waiting: [] };
    this.#queues.set(address, queue);
    if (this.#running < handshakesMax && queue.running < handshakesPerAddressMax) this.#begin(queue);
    else await new Promise<void>((resolve) => queue.waiting.push(resolve));
  }

  leave(address: string): void {
    const queue = this.#queues.get(address);
    if (queue === undefined) return;
    this.#running -= 1;
    queue.running -= 1;
    if (queue.running === 0 && queue.waiting.length === 0) this.#queues.delete(address);
    for (const [each, { running, waiting }] of this.#queues) {
      if (running >= handshakesPerAddressMax || waiting.length === 0) continue;
      this.#letNext(each);
      return;
    }
  }

  #letNext(address: string): void {
    const queue = this.#queues.get(address);
    const resolve = queue?.waiting.shift();
    if (queue === undefined || resolve === undefined) return;
    // Its next turn comes after those of all others.
    this.#queues.delete(address);
    this.#queues.set(address, queue);
    this.#begin(queue);
    resolve();
  }

  #begin(queue: Queue): void {
    this.#running += 1;
    queue.running += 1;
  }
}
