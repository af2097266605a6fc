// Text that others have written, fit to be shown in a log, an answer or a terminal: short, on one line, and obeyed by
// nothing.

/** Nobody reads more of a name that is wrong. */
const lengthMax = 80;

/** As JSON writes it, without the quotes. */
export function shownText(text: string): string {
  return escapeControls(JSON.stringify(shortened(text, lengthMax)).slice(1, -1));
}

export function shortened(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max)}…` : text;
}

/**
 * JSON escapes those below 0x20; a terminal obeys some of these, too, two of them end a line, and some turn round what
 * stands beside them. JSON, in which they stand within texts only, means the same afterwards.
 */
export function escapeControls(text: string): string {
  return text.replaceAll(
    /[\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
