// Cuts the stream between two workers into frames: a text and the bytes that belong to it. A frame is the lengths of
// both (unsigned 32 bits each, big-endian), the text in UTF-8, the bytes. It knows no socket.
import { takeMemory } from '../../image-memory.js';

const headerBytes = 8;

export interface FrameLimits {
  readonly maxTextBytes: number;
  readonly maxBytes: number;
}

/** `bytes` is memory of its own (image-memory.ts); empty where the frame has none. */
export type OnFrame = (text: string, bytes: Uint8Array) => void;

/** The start of a frame; `byteLength` bytes have to follow it. */
export function frameStart(text: string, byteLength: number): Buffer {
  const start = Buffer.allocUnsafe(headerBytes + Buffer.byteLength(text));
  start.writeUInt32BE(start.length - headerBytes, 0);
  start.writeUInt32BE(byteLength, 4);
  start.write(text, headerBytes);
  return start;
}

export class FrameReader {
  readonly #limits: FrameLimits;
  readonly #onFrame: OnFrame;
  readonly #header = Buffer.alloc(headerBytes);
  #text = Buffer.alloc(0);
  #bytes: Uint8Array = new Uint8Array(0);
  /** Which of the three is being filled, and how far. */
  #part: 'header' | 'text' | 'bytes' = 'header';
  #filled = 0;

  constructor(limits: FrameLimits, onFrame: OnFrame) {
    this.#limits = limits;
    this.#onFrame = onFrame;
  }

  /** Takes the next piece of the stream. Throws RangeError where a frame is longer than the limits. */
  push(chunk: Uint8Array): void {
    let at = 0;
    for (;;) {
      const target = this.#target();
      const count = Math.min(target.length - this.#filled, chunk.length - at);
      target.set(chunk.subarray(at, at + count), this.#filled);
      this.#filled += count;
      at += count;
      if (this.#filled < target.length) return;
      this.#filled = 0;
      this.#next();
    }
  }

  #target(): Uint8Array {
    switch (this.#part) {
      case 'header':
        return this.#header;
      case 'text':
        return this.#text;
      case 'bytes':
        return this.#bytes;
    }
  }

  /** The part is whole. */
  #next(): void {
    switch (this.#part) {
      case 'header': {
        const [textLength, byteLength] = [this.#header.readUInt32BE(0), this.#header.readUInt32BE(4)];
        if (textLength > this.#limits.maxTextBytes || byteLength > this.#limits.maxBytes)
          throw new RangeError(`a frame of ${textLength} and ${byteLength} bytes is too long`);
        this.#text = Buffer.allocUnsafe(textLength);
        this.#bytes = takeMemory(byteLength);
        this.#part = 'text';
        return;
      }
      case 'text':
        this.#part = 'bytes';
        return;
      case 'bytes': {
        const bytes = this.#bytes;
        this.#bytes = new Uint8Array(0);
        this.#part = 'header';
        this.#onFrame(this.#text.toString(), bytes);
        return;
      }
    }
  }
}
