// How far a peer is read that holds more than it may: up to its limit, and from there some way on, so that its 0x03 is
// seen.
import type { PeerLoad } from '../requests/peer-load.js';
import type { PeerLimits } from './peer-limits.js';

export class Allowance {
  readonly #limits: PeerLimits;
  readonly #load: PeerLoad;
  /** Where in the bytes of the peer it came to hold more than it may; null where it does not. */
  #slowedAt: number | null = null;

  constructor(limits: PeerLimits, load: PeerLoad) {
    this.#limits = limits;
    this.#load = load;
  }

  /** Whether more of the peer may be taken, of whose bytes `takenBytes` are taken. */
  mayTake(takenBytes: number): boolean {
    const { maxInFlightBytes, readAheadBytes } = this.#limits;
    const { heldBytes, replyBytes, aheadBytes } = this.#load;
    // Read on from there, not from the limit, which one image may exceed by far.
    if (heldBytes + replyBytes <= maxInFlightBytes) this.#slowedAt = null;
    else this.#slowedAt ??= takenBytes;
    const isFull = this.#slowedAt !== null && takenBytes - this.#slowedAt > readAheadBytes;
    return !isFull && aheadBytes <= readAheadBytes;
  }
}
