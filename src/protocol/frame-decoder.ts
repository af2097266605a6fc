// Cuts the bytes of one connection into requests and the images attached behind them. Pure: no socket, no
// clock, no JSON. A TCP segment means nothing here; every byte is looked at once, whatever the segmentation.

import { giveMemoryBack, takeMemory } from '../image-memory.js';
import { takeFirst } from '../take-first.js';
import { ObjectScanner, type ObjectShape } from './object-scanner.js';

const openByte = 0x7b;
const spaces: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

export type Frame =
  /** One object from its `{` to the `}` that closes it. Valid until the next call of the decoder. */
  | ({ readonly type: 'message'; readonly bytes: Buffer } & ObjectShape)
  /** Bytes that cannot start a request; told once, then skipped up to the next `{`. */
  | { readonly type: 'garbage' }
  /** A request over the limit. The decoder is at its end: nothing says where the next request starts. */
  | { readonly type: 'too long' }
  /** An attached image, in memory of its own (image-memory.ts). */
  | { readonly type: 'attachment'; readonly bytes: Uint8Array }
  /** The last of the bytes that nobody wanted has passed. */
  | { readonly type: 'skipped' };

/** What an idle connection holds is shared by all. */
const noBytes: Buffer = Buffer.alloc(0);
const noSizes: readonly number[] = [];

type State = 'between' | 'garbage' | 'message' | 'attachment' | 'skip' | 'ended';

export class FrameDecoder {
  readonly #maxMessageBytes: number;
  #state: State = 'between';

  /** Chunks not looked at yet; the first one from `#at` on. */
  #chunks: Buffer[] = [];
  #at = 0;

  /** The begun request as far as earlier chunks brought it; grows by doubling, so byte by byte stays linear. */
  #held = noBytes;
  #heldBytes = 0;
  /** Of the begun request. */
  #scanner: ObjectScanner | null = null;

  /** Sizes of the images behind the message, of which those before `#attachmentAt` have come. */
  #attachmentSizes = noSizes;
  #attachmentAt = 0;
  #attachment: Uint8Array | null = null;
  #attachmentBytes = 0;
  #skipBytes = 0;

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** True inside a request or before the last byte of what is attached to it. */
  get unfinished(): boolean {
    return this.#state === 'message' || this.#state === 'attachment' || this.#state === 'skip';
  }

  /** True between a refused request and the last of its attached bytes. */
  get skipping(): boolean {
    return this.#state === 'skip';
  }

  /** Whether there are bytes that have not been looked at. */
  get hasBytes(): boolean {
    return this.#chunks.length > 0;
  }

  /** How many they are. */
  get waitingBytes(): number {
    return this.#chunks.reduce((sum, { length }) => sum + length, 0) - this.#at;
  }

  /** What has come of a request of which more is to come, without images behind it. */
  get messageBytes(): number {
    return this.#heldBytes;
  }

  /** Memory taken for a request, or for an image, of which more is to come. */
  get heldBytes(): number {
    return this.#held.length + (this.#attachment?.length ?? 0);
  }

  /** The chunk may change after the next call of `keep`. */
  push(chunk: Buffer): void {
    if (chunk.length === 0 || this.#state === 'ended') return;
    this.#chunks.push(chunk);
  }

  /** Copies what is left of the last chunk. */
  keep(): void {
    const last = this.#chunks.pop();
    if (last === undefined) return;
    const isFirst = this.#chunks.length === 0;
    this.#chunks.push(Buffer.from(isFirst ? last.subarray(this.#at) : last));
    if (isFirst) this.#at = 0;
  }

  /** Says that images of these sizes (bytes, each at least 1) follow the message just returned. */
  expectAttachments(sizes: readonly number[]): void {
    if (sizes.length === 0) return;
    this.#attachmentSizes = sizes;
    this.#attachmentAt = 0;
    this.#state = 'attachment';
  }

  /** Says that so many bytes follow that nobody wants, also in the middle of attachments. */
  skipAttachments(): void {
    if (this.#state !== 'attachment') return;
    const left = this.#attachmentSizes.slice(this.#attachmentAt);
    this.#skipBytes = left.reduce((sum, size) => sum + size, 0) - this.#attachmentBytes;
    this.#attachmentSizes = noSizes;
    this.#dropAttachment();
    this.#state = 'skip';
  }

  /** Takes nothing more: the message that comes in is too long, and nothing says where the next one starts, or nobody waits for it. */
  end(): void {
    this.#dropAttachment();
    this.#state = 'ended';
    this.#held = noBytes;
    this.#heldBytes = 0;
    this.#chunks = [];
    this.#at = 0;
  }

  /** The next frame, or null where more bytes are needed. */
  next(): Frame | null {
    for (;;) {
      const chunk = this.#chunks[0];
      if (chunk === undefined) return null;
      const frame = this.#read(chunk);
      if (frame?.type === 'too long') return frame;
      if (this.#at === chunk.length) {
        takeFirst(this.#chunks);
        this.#at = 0;
      }
      if (frame !== null) return frame;
    }
  }

  /** Goes on in `chunk` from `#at`, either to a frame or to the end of the chunk. */
  #read(chunk: Buffer): Frame | null {
    switch (this.#state) {
      case 'between':
        return this.#skipSpaces(chunk);
      case 'garbage':
        return this.#skipGarbage(chunk);
      case 'message':
        return this.#readMessage(chunk);
      case 'attachment':
        return this.#readAttachment(chunk);
      case 'skip':
        return this.#skip(chunk);
      case 'ended':
        this.#at = chunk.length;
        return null;
      default:
        return this.#state satisfies never;
    }
  }

  #skipSpaces(chunk: Buffer): Frame | null {
    while (this.#at < chunk.length) {
      const byte = chunk[this.#at];
      if (byte === openByte) {
        this.#state = 'message';
        return this.#readMessage(chunk);
      }
      if (byte === undefined || !spaces.has(byte)) {
        this.#state = 'garbage';
        return { type: 'garbage' };
      }
      this.#at++;
    }
    return null;
  }

  #skipGarbage(chunk: Buffer): null {
    const open = chunk.indexOf(openByte, this.#at);
    this.#at = open === -1 ? chunk.length : open;
    if (open !== -1) this.#state = 'message';
    return null;
  }

  #readMessage(chunk: Buffer): Frame | null {
    const start = this.#at;
    this.#scanner ??= new ObjectScanner();
    const end = this.#scanner.scan(chunk, start);
    this.#at = end ?? chunk.length;
    if (this.#heldBytes + (this.#at - start) > this.#maxMessageBytes) {
      this.end();
      return { type: 'too long' };
    }
    const part = chunk.subarray(start, this.#at);
    if (end === null) {
      this.#hold(part);
      return null;
    }
    this.#state = 'between';
    const { shape } = this.#scanner;
    this.#scanner = null;
    if (this.#heldBytes === 0) return { type: 'message', bytes: part, ...shape };
    this.#hold(part);
    const bytes = this.#held.subarray(0, this.#heldBytes);
    this.#held = noBytes;
    this.#heldBytes = 0;
    return { type: 'message', bytes, ...shape };
  }

  #hold(part: Buffer): void {
    const needed = this.#heldBytes + part.length;
    if (needed > this.#held.length) {
      const size = Math.min(Math.max(needed, 2 * this.#held.length, 256), this.#maxMessageBytes);
      const grown = Buffer.allocUnsafe(size);
      this.#held.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    part.copy(this.#held, this.#heldBytes);
    this.#heldBytes = needed;
  }

  #readAttachment(chunk: Buffer): Frame | null {
    const size = this.#attachmentSizes[this.#attachmentAt] ?? 0;
    const part = chunk.subarray(this.#at, this.#at + size - this.#attachmentBytes);
    this.#attachment = grown(this.#attachment, this.#attachmentBytes + part.length, size);
    this.#attachment.set(part, this.#attachmentBytes);
    this.#attachmentBytes += part.length;
    this.#at += part.length;
    if (this.#attachmentBytes < size) return null;
    const bytes = this.#attachment;
    this.#attachment = null;
    this.#attachmentBytes = 0;
    this.#attachmentAt++;
    if (this.#attachmentAt === this.#attachmentSizes.length) this.#state = 'between';
    return { type: 'attachment', bytes };
  }

  #dropAttachment(): void {
    if (this.#attachment !== null) giveMemoryBack(this.#attachment);
    this.#attachment = null;
    this.#attachmentBytes = 0;
  }

  #skip(chunk: Buffer): Frame | null {
    const skipped = Math.min(this.#skipBytes, chunk.length - this.#at);
    this.#at += skipped;
    this.#skipBytes -= skipped;
    if (this.#skipBytes > 0) return null;
    this.#state = 'between';
    return { type: 'skipped' };
  }
}

/**
 * Memory of an attached image that is taken at once, so that announcing one costs next to nothing; it grows by factors,
 * so that of most images no more than this first part is moved.
 */
const attachmentStartBytes = 64 * 1024;
const attachmentGrowth = 64;

/** `memory` with room for `needed` bytes of the `size` that are to come. */
function grown(memory: Uint8Array | null, needed: number, size: number): Uint8Array {
  if (memory !== null && needed <= memory.length) return memory;
  const wanted = Math.max(needed, attachmentStartBytes, attachmentGrowth * (memory?.length ?? 0));
  const larger = takeMemory(Math.min(size, wanted));
  if (memory !== null) {
    larger.set(memory);
    giveMemoryBack(memory);
  }
  return larger;
}
