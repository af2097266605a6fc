// Opens an image by the name that a client gave, inside the image folder and nowhere else. What leads out of the
// folder looks like what is missing, so that nobody can probe for files.
import { close, constants, fstatSync, open, read } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { dirname, normalize, resolve, sep } from 'node:path';
import { promisify } from 'node:util';
import { giveMemoryBack, takeMemory } from '../../image-memory.js';
import {
  codeOf,
  InternalError,
  InvalidImageError,
  ResourceNotFoundError,
  type WireError,
} from '../../errors.js';

const openFile = promisify(open);
const readFile = promisify(read);

// Without O_NONBLOCK a named pipe would hold a thread for ever.
const openFlags = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * The bytes of the image `name` below `folder` (an absolute real path), in memory that the caller may give back.
 * Throws ResourceNotFoundError for a missing, foreign or unreadable one, InvalidImageError over `maxBytes`.
 */
export async function readImageFile(folder: string, name: string, maxBytes: number): Promise<Uint8Array> {
  const file = await openInside(folder, name);
  try {
    // An open file tells this without delay.
    const stat = fstatSync(file);
    const { size } = stat;
    if (!stat.isFile()) throw new ResourceNotFoundError('no such image');
    if (size > maxBytes) throw new InvalidImageError(`the image has ${size} bytes, more than ${maxBytes}`);
    const bytes = takeMemory(size);
    const { bytesRead } = await readFile(file, bytes, 0, size, 0).catch((cause: unknown) => {
      giveMemoryBack(bytes);
      return asWireError(cause);
    });
    return bytes.subarray(0, bytesRead);
  } finally {
    // Nothing was written, so there is nothing that could be lost.
    close(file, () => undefined);
  }
}

async function openInside(folder: string, name: string): Promise<number> {
  // One that leads out and back in would tell what the folder is called.
  if (name.includes('\0') || /^\.\.(\/|$)/.test(normalize(name)))
    throw new ResourceNotFoundError('no such image');
  const path = resolve(folder, name);
  if (dirname(path) === folder) {
    // Most names: what is in the folder itself, and no link, is inside without looking further.
    try {
      return await openFile(path, openFlags | constants.O_NOFOLLOW);
    } catch (cause) {
      if (codeOf(cause) !== 'ELOOP') asWireError(cause);
    }
  }
  const realPath = await realpath(path).catch(asWireError);
  const root = folder.endsWith(sep) ? folder : folder + sep;
  if (!realPath.startsWith(root)) throw new ResourceNotFoundError('no such image');
  return openFile(realPath, openFlags | constants.O_NOFOLLOW).catch(asWireError);
}

/** What a name may lead to that is as good as missing; anything else (too many open files) is a fault of the server. */
const missingCodes: ReadonlySet<unknown> = new Set([
  'ENOENT',
  'ENOTDIR',
  'EACCES',
  'EPERM',
  'ELOOP',
  'ENAMETOOLONG',
  'ENXIO',
]);

function asWireError(cause: unknown): never {
  const error: WireError = missingCodes.has(codeOf(cause))
    ? new ResourceNotFoundError('no such image', { cause })
    : new InternalError({ cause });
  throw error;
}
