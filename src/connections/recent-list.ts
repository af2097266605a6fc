// The last items of an endless row, each under the number that it got when it came.

export class RecentList<Item> {
  readonly #max: number;
  #items: Item[] = [];
  /** The number of the first item that is kept. */
  #start = 0;

  /** `max`: so many items are kept at least, and a tenth more at most. */
  constructor(max: number) {
    this.#max = max;
  }

  get start(): number {
    return this.#start;
  }

  /** The number that the next item gets. */
  get end(): number {
    return this.#start + this.#items.length;
  }

  push(item: Item): void {
    this.#items.push(item);
    // Cut in larger steps: moving thousands of items for each that comes would cost more than what it tells.
    if (this.#items.length <= 1.1 * this.#max) return;
    this.#start += this.#items.length - this.#max;
    this.#items = this.#items.slice(-this.#max);
  }

  at(number: number): Item | undefined {
    return number < this.#start ? undefined : this.#items[number - this.#start];
  }

  /** Those from number `from` up to, and without, `to`. */
  slice(from: number, to: number): Item[] {
    return this.#items.slice(Math.max(0, from - this.#start), Math.max(0, to - this.#start));
  }
}
