// Reads a file that somebody else may have put there, and may be changing: a pipe or a device holds nobody up, and no more is
// read than is wanted, however long the file says it is or becomes.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { shortReason } from '../../errors.js';

/** Why a file was not read: the words of the system (`ENOENT`), or ours. */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError';
}

/** Without O_NONBLOCK opening a named pipe would wait for somebody to write into it. */
const openFlags = constants.O_RDONLY | constants.O_NONBLOCK;

/** Small enough that hashing one chunk keeps nobody waiting. */
const chunkBytes = 256 * 1024;

/** The bytes of a file. Throws UnreadableError. */
export function readRegular(path: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  return withRegular(path, maxBytes, async (file, size) => {
    const bytes = new Uint8Array(size);
    let at = 0;
    while (at < size) {
      const { bytesRead } = await file.read(bytes, at, size - at, at);
      if (bytesRead === 0) throw changing();
      at += bytesRead;
    }
    return bytes;
  });
}

/** The SHA-256 of a file, which is never held in memory as a whole. Throws UnreadableError, also once `signal` is aborted. */
export function hashRegular(path: string, maxBytes: number, signal: AbortSignal): Promise<string> {
  return withRegular(path, maxBytes, async (file, size) => {
    const hash = createHash('sha256');
    const chunk = new Uint8Array(chunkBytes);
    for (let at = 0; at < size;) {
      const { bytesRead } = await file.read(chunk, 0, Math.min(chunkBytes, size - at), at);
      if (bytesRead === 0) throw changing();
      if (signal.aborted) throw new UnreadableError('reading it takes too long');
      hash.update(chunk.subarray(0, bytesRead));
      at += bytesRead;
    }
    return hash.digest('hex');
  });
}

async function withRegular<Result>(
  path: string,
  maxBytes: number,
  use: (file: FileHandle, size: number) => Promise<Result>,
): Promise<Result> {
  const file = await open(path, openFlags).catch((cause: unknown) => {
    throw new UnreadableError(shortReason(cause), { cause });
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new UnreadableError('it is no regular file');
    if (stat.size > maxBytes) {
      throw new UnreadableError(`it has ${stat.size} bytes, and ${maxBytes} are allowed`);
    }
    const result = await use(file, stat.size);
    // One that is still being written would be taken for whole.
    if ((await file.stat()).size !== stat.size) throw changing();
    return result;
  } catch (cause) {
    if (cause instanceof UnreadableError) throw cause;
    throw new UnreadableError(shortReason(cause), { cause });
  } finally {
    await file.close();
  }
}

function changing(): UnreadableError {
  return new UnreadableError('it changes while it is read');
}
