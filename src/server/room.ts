// What all peers of this worker hold together: images that run for them or wait for the detector, and bytes kept for
// them. A peer's own limits slow it down; beyond these the server is busy. Where half of the bytes are taken, whoever holds more than an
// equal part of that half may not add to it, so that a few who send much leave room for the others.
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

  constructor(limits: RoomLimits) {
    this.#limits = limits;
  }

  /** A place for one peer. */
  share(): RoomShare {
    return new RoomShare(this);
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
  #bytes = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  /** Says how much it is now. */
  set(bytes: number): void {
    this.#room.countBytes(this.#bytes, bytes);
    this.#bytes = bytes;
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
