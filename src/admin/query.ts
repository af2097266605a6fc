// Reads the parameters of a URL by a schema; a mistake is named, with the nearest parameter there is.
import type { z } from 'zod';
import { nearestKey } from '../config/nearest-key.js';
import { InvalidMessageError } from '../errors.js';
import { shownText } from '../shown-text.js';

/** Throws InvalidMessageError. */
export function readQuery<Shape extends z.ZodRawShape>(
  query: URLSearchParams,
  schema: z.ZodObject<Shape, z.core.$strict>,
): z.output<z.ZodObject<Shape, z.core.$strict>> {
  const known = Object.keys(schema.shape);
  for (const name of new Set(query.keys())) {
    if (!known.includes(name)) throw new InvalidMessageError(unknownParameter(name, known));
    if (query.getAll(name).length > 1)
      throw new InvalidMessageError(`the parameter ${shownText(name)} is given twice; give it once`);
  }
  const parsed = schema.safeParse(Object.fromEntries(query));
  if (parsed.success) return parsed.data;
  throw new InvalidMessageError(describeIssues(parsed.error));
}

/** `limit: Too big: expected number to be <=10000`, one after the other. */
export function describeIssues({ issues }: z.ZodError): string {
  return issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
    .join('; ');
}

function unknownParameter(name: string, known: readonly string[]): string {
  const meant = nearestKey(name, known);
  const cure = meant === undefined ? `known are ${known.join(', ')}` : `did you mean ${meant}?`;
  return `there is no parameter ${shownText(name)} here; ${cure}`;
}
