// How far a peer is read that holds more than it may: up to its limit, and from there some way on, so that its 0x03 is
// seen. Where that serves nothing, or the whole server holds much, it is a little only.
import type { PeerLoad } from '../requests/peer-load.js';
import type { RoomShare } from '../room.js';
import type { PeerLimits } from './peer-limits.js';
import { lookingBytesMax } from './role-bound.js';

export class Allowance {
  readonly #limits: PeerLimits;
  readonly #load: PeerLoad;
  readonly #share: RoomShare;
  readonly #mayClassify: () => boolean;
  /** Where in the bytes of the peer it came to hold more than it may; null where it does not. */
  #slowedAt: number | null = null;

  /** `mayClassify`: who may not has nothing that a 0x03 could stop. */
  constructor(limits: PeerLimits, load: PeerLoad, share: RoomShare, mayClassify: () => boolean) {
    this.#limits = limits;
    this.#load = load;
    this.#share = share;
    this.#mayClassify = mayClassify;
  }

  /** Whether more of the peer may be taken, of whose bytes `takenBytes` are taken. */
  mayTake(takenBytes: number): boolean {
    const { heldBytes, replyBytes, aheadBytes } = this.#load;
    // Read on from there, not from the limit, which one image may exceed by far.
    if (heldBytes + replyBytes <= this.#limits.maxInFlightBytes) this.#slowedAt = null;
    else this.#slowedAt ??= takenBytes;
    const aheadBytesMax = this.#aheadBytesMax;
    const isFull = this.#slowedAt !== null && takenBytes - this.#slowedAt > aheadBytesMax;
    return !isFull && aheadBytes <= aheadBytesMax;
  }

  /** Whether one more piece may be read of a peer of which `waitingBytes` wait to be taken. */
  mayLook(waitingBytes: number): boolean {
    return waitingBytes === 0 || (this.#share.mayGrow && waitingBytes < this.#aheadBytesMax);
  }

  get #aheadBytesMax(): number {
    const { readAheadBytes } = this.#limits;
    if (this.#mayClassify() && this.#share.mayGrow) return readAheadBytes;
    return Math.min(readAheadBytes, lookingBytesMax);
  }
}
