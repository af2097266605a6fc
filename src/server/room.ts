// What all peers of this worker hold together: images that run for them or wait for the detector, and bytes kept for
// them. A peer's own limits slow it down; beyond these the server is busy. Where half of the bytes are taken, whoever holds more than an
// equal part of that half may not add to it, so that a few who send much leave room for the others. Where all are taken, those are given
// up whose replies wait to be read, the one that holds most first: else they would hold what they have for as long as they like.
import { BusyError } from '../errors.js';

export interface RoomLimits {
  readonly maxImages: number;
  readonly maxBytes: number;
}

/** Who holds less does not count among those who share. */
const holderBytesMin = 64 * 1024;

export class Room {
  readonly #limits: RoomLimits;
  #images = 0;
  #bytes = 0;
  /** Peers that hold something worth counting. */
  #holders = 0;
  /** Peers that do not take their replies. */
  readonly #unread = new Set<RoomShare>();

  constructor(limits: RoomLimits) {
    this.#limits = limits;
  }

  /** A place for one peer. `giveUp`: it is to hold nothing any more, since it does not take its replies. */
  share(giveUp: () => void = () => undefined): RoomShare {
    return new RoomShare(this, giveUp);
  }

  /** Counts images that begin to run (or, negative, are answered). */
  countImages(images: number): void {
    this.#images += images;
  }

  /** Counts what one peer holds, which was `before`. */
  countBytes(before: number, bytes: number): void {
    this.#bytes += bytes - before;
    this.#holders += Number(bytes > holderBytesMin) - Number(before > holderBytesMin);
  }

  /** Says whether a peer takes its replies. */
  countUnread(share: RoomShare): void {
    if (share.unreadBytes > 0) this.#unread.add(share);
    else this.#unread.delete(share);
  }

  /** Gives up peers that do not take their replies as long as too much is held. */
  shed(): void {
    while (this.#bytes > this.#limits.maxBytes && this.#unread.size > 0) {
      let largest: RoomShare | null = null;
      for (const share of this.#unread) {
        if (largest === null || share.unreadBytes > largest.unreadBytes) largest = share;
      }
      // Others hold what is too much: giving up peers that wait for a moment would not help.
      if (largest === null || largest.unreadBytes < holderBytesMin) return;
      this.#unread.delete(largest);
      largest.giveUp();
    }
  }

  /** Whether a peer that holds so much may hold more. */
  mayGrow(heldBytes: number): boolean {
    const half = this.#limits.maxBytes / 2;
    if (this.#bytes <= half) return true;
    return this.#bytes <= this.#limits.maxBytes && heldBytes <= half / Math.max(1, this.#holders);
  }

  /** Throws BusyError where there is no room for `images` more images. */
  assertImages(images: number): void {
    if (this.#images + images > this.#limits.maxImages) {
      throw new BusyError('too many images are waiting; try again');
    }
  }
}

/** What one peer holds. */
export class RoomShare {
  readonly #room: Room;
  readonly giveUp: () => void;
  #bytes = 0;
  /** What waits until it takes its replies; 0 where it does. */
  unreadBytes = 0;

  constructor(room: Room, giveUp: () => void) {
    this.#room = room;
    this.giveUp = giveUp;
  }

  /** Says how much it is now, and how much of that waits until it takes its replies. */
  set(bytes: number, unreadBytes = 0): void {
    this.#room.countBytes(this.#bytes, bytes);
    this.#bytes = bytes;
    if (unreadBytes > 0 || this.unreadBytes > 0) {
      this.unreadBytes = unreadBytes;
      this.#room.countUnread(this);
    }
    this.#room.shed();
  }

  /** Whether it may be more. */
  get mayGrow(): boolean {
    return this.#room.mayGrow(this.#bytes);
  }

  /** Throws BusyError where there is no room for the bytes of a request for images. */
  assertBytes(): void {
    if (!this.mayGrow) throw tooMuchHeld();
  }

  /** Throws BusyError where there is no room for `images` more images. */
  assertImages(images: number): void {
    this.#room.assertImages(images);
  }

  /** Counts images that begin to run (or, negative, are answered). */
  countImages(images: number): void {
    this.#room.countImages(images);
  }
}

/** What a peer is told for whose bytes there is no room. */
export function tooMuchHeld(): BusyError {
  return new BusyError('the server holds too many bytes; try again');
}
