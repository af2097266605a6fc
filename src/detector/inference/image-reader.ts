// Reads images by name in time, and reads none while the disk or the share under them hangs.
import { InternalError } from '../../errors.js';
import { giveMemoryBack } from '../../image-memory.js';
import { inTime } from '../../in-time.js';

/**
 * Each read that hangs holds a thread of the pool, which decoding needs, too. While so many do, no image is read by name;
 * the pool has more threads than that and those that may hang before they are found out (worker-environment.ts).
 */
const hangingMax = 2;

export class ImageReader {
  readonly #read: (folder: string, name: string) => Promise<Uint8Array>;
  readonly #timeoutMs: number;
  #hanging = 0;

  constructor(read: (folder: string, name: string) => Promise<Uint8Array>, timeoutMs: number) {
    this.#read = read;
    this.#timeoutMs = timeoutMs;
  }

  /** The bytes of a file; their memory is the caller's. Rejects with InternalError where that takes too long, or others do. */
  async read(folder: string, name: string): Promise<Uint8Array> {
    if (this.#hanging >= hangingMax) throw fault('reading other images takes too long, so none is read');
    const reading = this.#read(folder, name);
    return inTime(reading, this.#timeoutMs, () => {
      void this.#outlive(reading);
      return fault(`reading an image took longer than ${this.#timeoutMs} ms`);
    });
  }

  /** Nobody waits for it any more; until it ends it writes into its memory. */
  async #outlive(reading: Promise<Uint8Array>): Promise<void> {
    this.#hanging += 1;
    try {
      giveMemoryBack(await reading);
    } catch {
      // The client was told that it took too long.
    }
    this.#hanging -= 1;
  }
}

function fault(reason: string): InternalError {
  return new InternalError({ cause: new Error(reason) });
}
