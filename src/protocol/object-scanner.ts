// Finds the end of one JSON object in bytes that come piece by piece, and measures it on the way. Braces inside strings do
// not count; whether the object is valid JSON is not its business.

const quoteByte = 0x22;
const commaByte = 0x2c;
const openBracketByte = 0x5b;
const backslashByte = 0x5c;
const closeBracketByte = 0x5d;
/** The x of `0x1`: JSON has none outside strings. */
const hexByte = 0x78;
const openByte = 0x7b;
const closeByte = 0x7d;

export interface ObjectShape {
  /** How deep objects and arrays are nested in it; 1 for an object without any inside. */
  readonly depth: number;
  /** Its commas, brackets that open, strings and hexadecimal integers: at least as many as it has values and keys. */
  readonly tokens: number;
  readonly hasHexIntegers: boolean;
}

export class ObjectScanner {
  /** Braces that are open; the object ends where none is left. */
  #braces = 0;
  /** Braces and brackets that are open, and the most there were. */
  #nesting = 0;
  #deepest = 0;
  #tokens = 0;
  #hasHexIntegers = false;
  #inString = false;
  #escaped = false;

  /** Goes on in `chunk` from `from`; the index behind the brace that closes the object, or null where more is to come. */
  scan(chunk: Buffer, from: number): number | null {
    let at = from;
    while (at < chunk.length) {
      if (this.#inString) {
        at = this.#scanString(chunk, at);
        continue;
      }
      const byte = chunk[at++];
      if (byte === quoteByte) {
        this.#inString = true;
        this.#tokens++;
      } else if (byte === commaByte) this.#tokens++;
      else if (byte === hexByte) {
        this.#hasHexIntegers = true;
        this.#tokens++;
      } else if (byte === openByte || byte === openBracketByte) {
        this.#tokens++;
        if (byte === openByte) this.#braces++;
        if (++this.#nesting > this.#deepest) this.#deepest = this.#nesting;
      } else if (byte === closeByte || byte === closeBracketByte) {
        this.#nesting--;
        if (byte === closeByte && --this.#braces === 0) return at;
      }
    }
    return null;
  }

  /** What the object is like, once it has ended. */
  get shape(): ObjectShape {
    return { depth: this.#deepest, tokens: this.#tokens, hasHexIntegers: this.#hasHexIntegers };
  }

  /** The index behind the next quote, which ends the string unless it is escaped. */
  #scanString(chunk: Buffer, from: number): number {
    if (this.#escaped) {
      this.#escaped = false;
      return from + 1;
    }
    const quote = chunk.indexOf(quoteByte, from);
    const end = quote === -1 ? chunk.length : quote;
    let backslashes = 0;
    while (end - backslashes > from && chunk[end - 1 - backslashes] === backslashByte) backslashes++;
    const escapes = backslashes % 2 === 1;
    if (quote === -1) this.#escaped = escapes;
    else this.#inString = escapes;
    return quote === -1 ? end : end + 1;
  }
}
