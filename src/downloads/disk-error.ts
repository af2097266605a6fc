// What a failure of the disk means to whoever asked for a model: in words, without the path.
import { codeOf, ResourceNotFoundError } from '../errors.js';

const words: Readonly<Record<string, string>> = {
  ENOSPC: 'there is no room left in the model folder',
  EDQUOT: 'there is no room left in the model folder',
  EFBIG: 'the file is too large for the disk of the model folder',
  EACCES: 'the server may not write to the model folder',
  EPERM: 'the server may not write to the model folder',
  EROFS: 'the server may not write to the model folder',
  ENOENT: 'the model folder is not there',
  ENOTDIR: 'the model folder is not there',
  ENAMETOOLONG: 'the name is too long for the disk of the model folder',
  EMFILE: 'the server has no file left to open',
  ENFILE: 'the server has no file left to open',
};

export function diskError(cause: unknown): ResourceNotFoundError {
  const code = codeOf(cause) ?? '';
  const known = Object.hasOwn(words, code) ? words[code] : undefined;
  return new ResourceNotFoundError(known ?? 'the model folder cannot be written to', { cause });
}
