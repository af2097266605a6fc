// What waits, apart for each model, so that one that hangs holds up nothing that waits for another. Of each model's images those
// come first that were lent in vain.
import { FairQueue } from './fair-queue.js';

export class ModelQueues<Model extends object, Owner, Item extends { readonly by: Model }> {
  readonly #queues = new Map<Model, FairQueue<Owner, Item>>();
  /** They are not lent again, so that an image that ends workers ends two of them at most. */
  readonly #returned: Item[] = [];

  /** How many wait and could be lent. */
  get lendable(): number {
    let items = 0;
    for (const { size } of this.#queues.values()) items += size;
    return items;
  }

  get size(): number {
    return this.lendable + this.#returned.length;
  }

  push(owner: Owner, item: Item): void {
    const queue = this.#queues.get(item.by) ?? new FairQueue<Owner, Item>();
    this.#queues.set(item.by, queue);
    queue.push(owner, item);
  }

  /** It was lent in vain. */
  giveBack(item: Item): void {
    this.#returned.push(item);
  }

  /** The item whose turn it is with this model. */
  take(by: Model): Item | undefined {
    const at = this.#returned.findIndex((item) => item.by === by);
    return at === -1 ? this.#queues.get(by)?.take() : this.#returned.splice(at, 1)[0];
  }

  /** The same of those that may be lent, with one of the models that `isMeant` picks. */
  takeToLend(isMeant: (by: Model) => boolean): Item | undefined {
    for (const [by, queue] of this.#queues) {
      const item = isMeant(by) ? queue.take() : undefined;
      if (item !== undefined) return item;
    }
    return undefined;
  }

  /** Removes those of `owner` that `doomed` picks, but for those that were lent in vain. */
  remove(owner: Owner, doomed: (item: Item) => boolean): void {
    for (const queue of this.#queues.values()) queue.remove(owner, doomed);
  }

  /** Nothing waits for this model any more. */
  forget(by: Model): void {
    this.#queues.delete(by);
  }
}
