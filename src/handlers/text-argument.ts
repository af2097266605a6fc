// Texts among the arguments of commands. Their lengths count characters as people do: Unicode code points.
import { z } from 'zod';

/** A text of 1 to `charactersMax` characters that is as `isFine` says. */
export function textArgument(charactersMax: number, isFine: (text: string) => boolean = () => true) {
  return z.string().refine((text) => isTextOf(text, charactersMax) && isFine(text));
}

/** One check, so that a text that is far too long is never looked at: a code point is 1 or 2 units of a string. */
function isTextOf(text: string, charactersMax: number): boolean {
  if (text.length === 0 || text.length > 2 * charactersMax) return false;
  return text.length <= charactersMax || Array.from(text).length <= charactersMax;
}
