// Whether what a host answers can be the file of a model, as far as its headers tell.
import type { IncomingMessage } from 'node:http';
import { ResourceNotFoundError } from '../errors.js';

const valueLengthMax = 80;

/** The length that the answer announces; null: it comes in chunks. Throws ResourceNotFoundError. */
export function checkedLength(
  { statusCode, headers }: IncomingMessage,
  maxBytes: number,
  isHashKnown: boolean,
): number | null {
  if (statusCode !== 200) throw new ResourceNotFoundError(`the host answers with status ${statusCode}`);
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding.trim().toLowerCase() !== 'identity') {
    throw odd('the host sends the file compressed, although that was not asked for', encoding);
  }
  const type = headers['content-type'] ?? '';
  if (/^\s*text\//i.test(type)) {
    throw odd('the host sends a text, perhaps a page for people, and not a model; give the URL of the file', type);
  }
  const announced = headers['content-length'];
  if (announced === undefined) {
    // It ends with the connection, so half of it looks like all of it.
    if (headers['transfer-encoding'] === undefined && !isHashKnown) {
      throw new ResourceNotFoundError('the host does not say how long the file is; give its SHA-256, too');
    }
    return null;
  }
  const length = Number(announced);
  if (!/^\d{1,16}$/.test(announced)) throw odd('the host announces no sound length', announced);
  if (length === 0) throw emptyFile();
  if (length > maxBytes) throw tooLarge(maxBytes);
  return length;
}

export function tooLarge(maxBytes: number): ResourceNotFoundError {
  return new ResourceNotFoundError(`the file is larger than limits.max_model_bytes, ${maxBytes}`);
}

export function emptyFile(): ResourceNotFoundError {
  return new ResourceNotFoundError('the host sends an empty file');
}

function odd(words: string, value: string): ResourceNotFoundError {
  return new ResourceNotFoundError(words, { cause: new Error(JSON.stringify(value.slice(0, valueLengthMax))) });
}
