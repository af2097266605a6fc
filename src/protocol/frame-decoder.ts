// Cuts the bytes of one connection into requests and the images attached behind them. Pure: no socket, no
// clock, no JSON. A TCP segment means nothing here; every byte is looked at once, whatever the segmentation.

const quoteByte = 0x22;
const backslashByte = 0x5c;
const openByte = 0x7b;
const closeByte = 0x7d;
const openBracketByte = 0x5b;
const closeBracketByte = 0x5d;
const spaces: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);

export type Frame =
  /** One object from its `{` to the `}` that closes it. Valid until the next call of the decoder. */
  | {
      readonly type: 'message';
      readonly bytes: Buffer;
      /** How deep objects and arrays are nested in it; 1 for a request without any inside. */
      readonly depth: number;
    }
  /** Bytes that cannot start a request; told once, then skipped up to the next `{`. */
  | { readonly type: 'garbage' }
  /** A request over the limit. The decoder is at its end: nothing says where the next request starts. */
  | { readonly type: 'too long' }
  /** An attached image, in memory of its own that may be transferred to a thread. */
  | { readonly type: 'attachment'; readonly bytes: Uint8Array<ArrayBuffer> }
  /** The last of the bytes that nobody wanted has passed. */
  | { readonly type: 'skipped' };

type State = 'between' | 'garbage' | 'message' | 'attachment' | 'skip' | 'ended';

export class FrameDecoder {
  readonly #maxMessageBytes: number;
  #state: State = 'between';

  /** Chunks not looked at yet; the first one from `#at` on. */
  #chunks: Buffer[] = [];
  #at = 0;

  /** The begun request as far as earlier chunks brought it; grows by doubling, so byte by byte stays linear. */
  #held: Buffer = Buffer.alloc(0);
  #heldBytes = 0;
  /** Braces that are open; the request ends where none is left. */
  #depth = 0;
  /** Braces and brackets that are open, and the most there were. */
  #nesting = 0;
  #deepest = 0;
  #inString = false;
  #escaped = false;

  #attachmentSizes: number[] = [];
  #attachment: Uint8Array<ArrayBuffer> | null = null;
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

  push(chunk: Buffer): void {
    if (chunk.length === 0 || this.#state === 'ended') return;
    this.#chunks.push(chunk);
  }

  /** Says that images of these sizes (bytes, each at least 1) follow the message just returned. */
  expectAttachments(sizes: readonly number[]): void {
    if (sizes.length === 0) return;
    this.#attachmentSizes = [...sizes];
    this.#state = 'attachment';
  }

  /** Says that so many bytes follow that nobody wants, also in the middle of attachments. */
  skipAttachments(): void {
    if (this.#state !== 'attachment') return;
    this.#skipBytes = this.#attachmentSizes.reduce((sum, size) => sum + size, 0) - this.#attachmentBytes;
    this.#attachmentSizes = [];
    this.#attachment = null;
    this.#attachmentBytes = 0;
    this.#state = 'skip';
  }

  /** The next frame, or null where more bytes are needed. */
  next(): Frame | null {
    for (;;) {
      const chunk = this.#chunks[0];
      if (chunk === undefined) return null;
      const frame = this.#read(chunk);
      if (frame?.type === 'too long') {
        this.#chunks = [];
        return frame;
      }
      if (this.#at === chunk.length) {
        this.#chunks.shift();
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
    const closed = this.#scan(chunk);
    if (this.#heldBytes + (this.#at - start) > this.#maxMessageBytes) {
      this.#state = 'ended';
      this.#held = Buffer.alloc(0);
      return { type: 'too long' };
    }
    const part = chunk.subarray(start, this.#at);
    if (!closed) {
      this.#hold(part);
      return null;
    }
    this.#state = 'between';
    const depth = this.#deepest;
    this.#nesting = 0;
    this.#deepest = 0;
    if (this.#heldBytes === 0) return { type: 'message', bytes: part, depth };
    this.#hold(part);
    const bytes = this.#held.subarray(0, this.#heldBytes);
    this.#held = Buffer.alloc(0);
    this.#heldBytes = 0;
    return { type: 'message', bytes, depth };
  }

  /** Moves `#at` behind the brace that closes the request (true) or to the end of the chunk (false). */
  #scan(chunk: Buffer): boolean {
    while (this.#at < chunk.length) {
      if (this.#inString) {
        this.#scanString(chunk);
        continue;
      }
      const byte = chunk[this.#at++];
      if (byte === quoteByte) this.#inString = true;
      else if (byte === openByte || byte === openBracketByte) {
        if (byte === openByte) this.#depth++;
        if (++this.#nesting > this.#deepest) this.#deepest = this.#nesting;
      } else if (byte === closeByte || byte === closeBracketByte) {
        this.#nesting--;
        if (byte === closeByte && --this.#depth === 0) return true;
      }
    }
    return false;
  }

  /** Moves `#at` behind the next quote, which ends the string unless it is escaped. */
  #scanString(chunk: Buffer): void {
    if (this.#escaped) {
      this.#escaped = false;
      this.#at++;
      return;
    }
    const quote = chunk.indexOf(quoteByte, this.#at);
    const end = quote === -1 ? chunk.length : quote;
    let backslashes = 0;
    while (end - backslashes > this.#at && chunk[end - 1 - backslashes] === backslashByte) backslashes++;
    const escapes = backslashes % 2 === 1;
    if (quote === -1) {
      this.#escaped = escapes;
      this.#at = end;
    } else {
      this.#inString = escapes;
      this.#at = end + 1;
    }
  }

  #hold(part: Buffer): void {
    const needed = this.#heldBytes + part.length;
    if (needed > this.#held.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#held.length, 256));
      this.#held.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    part.copy(this.#held, this.#heldBytes);
    this.#heldBytes = needed;
  }

  #readAttachment(chunk: Buffer): Frame | null {
    const size = this.#attachmentSizes[0] ?? 0;
    // Taken only now, so that an announced image costs nothing before its first byte.
    this.#attachment ??= new Uint8Array(size);
    const part = chunk.subarray(this.#at, this.#at + size - this.#attachmentBytes);
    this.#attachment.set(part, this.#attachmentBytes);
    this.#attachmentBytes += part.length;
    this.#at += part.length;
    if (this.#attachmentBytes < size) return null;
    const bytes = this.#attachment;
    this.#attachment = null;
    this.#attachmentBytes = 0;
    this.#attachmentSizes.shift();
    if (this.#attachmentSizes.length === 0) this.#state = 'between';
    return { type: 'attachment', bytes };
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
