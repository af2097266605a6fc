// What one peer has under way: images that run, bytes that are held for it, bytes that it sent ahead. Its limits slow it
// down; they never refuse anything.
import type { Exchange } from './exchange.js';

export interface LoadLimits {
  /** Images of this peer that may run at a time; more of its requests wait. */
  readonly maxQueuedImages: number;
  /** Bytes that may be held for what runs; more of its requests wait. */
  readonly maxInFlightBytes: number;
}

/** What an image that waits costs at least, however short its name is. */
const imageBytes = 128;

export class PeerLoad {
  /** Bytes taken beyond the limits: requests that wait, and refusals behind them. */
  aheadBytes = 0;
  /** Bytes of images and of the messages that asked for them, held until they are answered. */
  heldBytes = 0;
  /** Bytes of replies that wait for those before them. */
  replyBytes = 0;
  /** Images asked for and not answered. */
  images = 0;
  readonly #limits: LoadLimits;
  #runningImages = 0;
  #runningBytes = 0;

  constructor(limits: LoadLimits) {
    this.#limits = limits;
  }

  /** All that is held for the peer. */
  get bytes(): number {
    return this.aheadBytes + this.heldBytes + this.replyBytes + this.images * imageBytes;
  }

  /** Whether so many replies wait that no more should be made. */
  get repliesFull(): boolean {
    return this.replyBytes > this.#limits.maxInFlightBytes;
  }

  /** Whether a classification may run beside those that do; a lone one always may. */
  hasRoom(images: number, messageBytes: number): boolean {
    return (
      this.#runningImages === 0 ||
      (this.#runningImages + images <= this.#limits.maxQueuedImages &&
        this.#runningBytes + messageBytes <= this.#limits.maxInFlightBytes)
    );
  }

  /** Counts a classification that begins to run. */
  started(exchange: Exchange): void {
    this.#runningImages += exchange.images;
    this.#runningBytes += exchange.messageBytes;
  }

  /** Counts the end of one that was started. */
  ended(exchange: Exchange): void {
    this.#runningImages -= exchange.images;
    this.#runningBytes -= exchange.messageBytes;
  }
}
