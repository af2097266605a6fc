// Cursors of lists: where a page ended, as base64url JSON. They come back from clients, so each is checked
// by the schema of the store that gave it; what it holds is that store's own affair.
import type { z } from 'zod';
import { InvalidMessageError } from '../errors.js';

/** Far above what a store gives (see redis/page.ts); beyond it nothing is decoded. */
const cursorLengthMax = 65_536;

export function encodeCursor(place: unknown): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** Throws InvalidMessageError for what this schema's store did not give. */
export function decodeCursor<Schema extends z.ZodType>(cursor: string, schema: Schema): z.output<Schema> {
  if (cursor.length > cursorLengthMax) throw foreign();
  const place = schema.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString()));
  if (!place.success) throw foreign();
  return place.data;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw foreign(error);
  }
}

function foreign(cause?: unknown): InvalidMessageError {
  return new InvalidMessageError(
    'cursor is not one that this list gave, or Redis went away or came back since; begin without one',
    { cause },
  );
}
