// Writes what a host sends into a file, no faster than the disk takes it, and counts and hashes it on the way.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { ResourceNotFoundError } from '../errors.js';
import { emptyFile, tooLarge } from './answer-check.js';
import { diskError } from './disk-error.js';

export interface Reception {
  readonly path: string;
  readonly maxBytes: number;
  /** As announced; null: unknown. */
  readonly total: number | null;
  /** Called for each piece that was written. */
  readonly onBytes: (bytes: number) => void;
}

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

/** The SHA-256 in hex of what is then on the disk. Throws ResourceNotFoundError, or what broke the connection. */
export async function receive(response: IncomingMessage, reception: Reception): Promise<string> {
  const { path, maxBytes, total, onBytes } = reception;
  const file = await onDisk(open(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0o600));
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const piece of piecesOf(response)) {
      bytes += piece.length;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      hash.update(piece);
      await onDisk(writeWhole(file, piece));
      onBytes(piece.length);
    }
    if (!response.complete || (total !== null && bytes !== total)) {
      throw new ResourceNotFoundError('the host sent less than it announced');
    }
    if (bytes === 0) throw emptyFile();
    await onDisk(file.sync());
    return hash.digest('hex');
  } finally {
    await onDisk(file.close());
  }
}

async function* piecesOf(response: AsyncIterable<unknown>): AsyncGenerator<Buffer> {
  for await (const piece of response) if (Buffer.isBuffer(piece)) yield piece;
}

async function writeWhole(file: FileHandle, piece: Buffer): Promise<void> {
  for (let offset = 0; offset < piece.length; ) {
    offset += (await file.write(piece, offset)).bytesWritten;
  }
}

async function onDisk<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw diskError(error);
  }
}
