// A queue that gives its owners turns, item by item: a thousand items of one owner do not hold up the single
// item of another. An owner comes to the end of the round after each turn; its own items keep their order.

export class FairQueue<Owner, Item> {
  /** A Map keeps the order of insertion, which is the order of turns. */
  readonly #queues = new Map<Owner, Item[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(owner: Owner, item: Item): void {
    const queue = this.#queues.get(owner);
    if (queue === undefined) this.#queues.set(owner, [item]);
    else queue.push(item);
    this.#size++;
  }

  /** What `take` would give. */
  peek(): Item | undefined {
    for (const queue of this.#queues.values()) return queue[0];
    return undefined;
  }

  /** The next item of the owner whose turn it is. */
  take(): Item | undefined {
    for (const [owner, queue] of this.#queues) {
      this.#queues.delete(owner);
      const item = queue.shift();
      if (queue.length > 0) this.#queues.set(owner, queue);
      this.#size--;
      return item;
    }
    return undefined;
  }

  /** Removes the items of `owner` that `doomed` picks. */
  remove(owner: Owner, doomed: (item: Item) => boolean): void {
    const queue = this.#queues.get(owner);
    if (queue === undefined) return;
    const left = queue.filter((item) => !doomed(item));
    this.#size -= queue.length - left.length;
    if (left.length > 0) this.#queues.set(owner, left);
    else this.#queues.delete(owner);
  }
}
