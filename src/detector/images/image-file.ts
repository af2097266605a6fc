// Opens an image by the name that a client gave, inside the image folder and nowhere else. What leads out of the
// folder looks like what is missing, so that nobody can probe for files.
import { open, realpath } from 'node:fs/promises';
import { constants } from 'node:fs';
import { normalize, resolve, sep } from 'node:path';
import { InternalError, InvalidImageError, ResourceNotFoundError, type WireError } from '../../errors.js';

/**
 * The bytes of the image `name` below `folder` (an absolute real path).
 * Throws ResourceNotFoundError for a missing, foreign or unreadable one, InvalidImageError over `maxBytes`.
 */
export async function readImageFile(folder: string, name: string, maxBytes: number): Promise<Buffer> {
  const path = await insideOf(folder, name);
  // Without O_NONBLOCK a named pipe would hold a thread for ever.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw asWireError(cause);
  });
  try {
    const { size, isRegular } = await file
      .stat()
      .then((stat) => ({ size: stat.size, isRegular: stat.isFile() }));
    if (!isRegular) throw new ResourceNotFoundError('no such image');
    if (size > maxBytes) throw new InvalidImageError(`the image has ${size} bytes, more than ${maxBytes}`);
    const bytes = Buffer.allocUnsafeSlow(size);
    const { bytesRead } = await file.read(bytes, 0, size, 0);
    return bytes.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function insideOf(folder: string, name: string): Promise<string> {
  // One that leads out and back in would tell what the folder is called.
  if (name.includes('\0') || /^\.\.(\/|$)/.test(normalize(name)))
    throw new ResourceNotFoundError('no such image');
  const path = await realpath(resolve(folder, name)).catch((cause: unknown) => {
    throw asWireError(cause);
  });
  const root = folder.endsWith(sep) ? folder : folder + sep;
  if (!path.startsWith(root)) throw new ResourceNotFoundError('no such image');
  return path;
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

function asWireError(cause: unknown): WireError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : null;
  return missingCodes.has(code)
    ? new ResourceNotFoundError('no such image', { cause })
    : new InternalError({ cause });
}
