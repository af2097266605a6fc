// A second reading of the framing, as plain as can be and with all bytes at hand: what stands where in a stream.
// The server's own decoder reads the same bytes in whatever segments they come.

export type Piece =
  /** One object; `depth`: how deep objects and arrays are nested in it, `tokens`: its commas, opening brackets, strings and hexadecimal integers. */
  | {
      readonly type: 'message';
      readonly bytes: Buffer;
      readonly depth: number;
      readonly tokens: number;
      readonly end: number;
    }
  | { readonly type: 'garbage'; readonly end: number }
  /** An object that never closes, or only beyond the longest message. */
  | { readonly type: 'too long' }
  | { readonly type: 'unfinished' };

const spaces = ' \t\n\r';

/** What begins at `from` or behind the white space there; null: nothing more comes. */
export function pieceAt(bytes: Buffer, from: number, maxMessageBytes: number): Piece | null {
  let start = from;
  while (start < bytes.length && spaces.includes(characterAt(bytes, start))) start++;
  if (start >= bytes.length) return null;
  if (characterAt(bytes, start) !== '{') {
    const open = bytes.indexOf('{', start);
    return { type: 'garbage', end: open === -1 ? bytes.length : open };
  }
  let braces = 0;
  let nesting = 0;
  let depth = 0;
  let tokens = 0;
  let inString = false;
  for (let at = start; at < bytes.length; at++) {
    if (at - start >= maxMessageBytes) return { type: 'too long' };
    const character = characterAt(bytes, at);
    if (inString) {
      if (character === '\\') at++;
      else if (character === '"') inString = false;
      continue;
    }
    if (character === '"') inString = true;
    if (',x"{['.includes(character)) tokens++;
    if (character === '{') braces++;
    if (character === '}') braces--;
    if (character === '{' || character === '[') nesting++;
    if (character === '}' || character === ']') nesting--;
    depth = Math.max(depth, nesting);
    if (braces === 0) {
      return { type: 'message', bytes: bytes.subarray(start, at + 1), depth, tokens, end: at + 1 };
    }
  }
  return { type: bytes.length - start > maxMessageBytes ? 'too long' : 'unfinished' };
}

function characterAt(bytes: Buffer, at: number): string {
  return String.fromCharCode(bytes[at] ?? 0);
}
