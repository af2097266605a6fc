// Requests as bytes, made before the clock starts: classifications of photos by name or by attached bytes, and a trivial
// command.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoadRequest } from './load-connection.js';
import type { Way } from './load-messages.js';

const classification = 0x01;
const currentFolder = 0x32;

export const trivialRequest: LoadRequest = {
  parts: [Buffer.from(JSON.stringify({ cmd: currentFolder, request_data: null }))],
  images: 0,
};

interface PhotoBytes {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The photos in memory, to be asked for in turn without end. */
export class PhotoRequests {
  readonly #photos: readonly PhotoBytes[];
  #next = 0;

  private constructor(photos: readonly PhotoBytes[]) {
    this.#photos = photos;
  }

  static async read(folder: string, names: readonly string[]): Promise<PhotoRequests> {
    return new PhotoRequests(
      await Promise.all(names.map(async (name) => ({ name, bytes: await readFile(join(folder, name)) }))),
    );
  }

  make(images: number, way: Way): LoadRequest {
    const photos = Array.from({ length: images }, () => this.#take());
    const request_data = photos.map(({ name, bytes }) =>
      way === 'name' ? name : { file_name: name, bytes: bytes.length },
    );
    const message = Buffer.from(JSON.stringify({ cmd: classification, request_data }));
    return { parts: way === 'name' ? [message] : [message, ...photos.map(({ bytes }) => bytes)], images };
  }

  #take(): PhotoBytes {
    const photo = this.#photos[this.#next++ % this.#photos.length];
    if (photo === undefined) throw new Error('there are no photos');
    return photo;
  }
}
