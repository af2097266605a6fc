// Collects the mistakes of a configuration, one line each, so that all are named at once; and how keys and
// values that somebody wrote are shown in such a line: short, on one line, without control characters or passwords.
import { escapeControls, shortened } from '../shown-text.js';

/** Nobody reads more; a file of a megabyte of nonsense must not become a log of gigabytes. */
export const problemsMax = 100;

const keyLengthMax = 64;
const valueLengthMax = 80;
const listLengthMax = 8;

export class Problems {
  readonly #lines: string[] = [];
  #count = 0;

  /** Adds a mistake; `line` is only asked for while it will be kept. `origin` is where it was written. */
  add(line: () => string, origin: string): void {
    this.#count++;
    if (this.#lines.length < problemsMax) this.#lines.push(`${line()} (${origin})`);
  }

  get any(): boolean {
    return this.#count > 0;
  }

  get lines(): readonly string[] {
    const more = this.#count - this.#lines.length;
    return more > 0 ? [...this.#lines, `… and ${more} more mistakes`] : this.#lines;
  }
}

/** A key or path as somebody wrote it, fit for a message. */
export function shownKey(path: string): string {
  const clean = JSON.stringify(shortened(maskPasswords(path), keyLengthMax)).slice(1, -1);
  return escapeControls(clean === '' ? '""' : clean);
}

/**
 * A value as somebody wrote it, fit for a message. Never deeper than the items of a short list: aliases of
 * YAML can make a few lines an object that prints for hours.
 */
export function shownValue(value: unknown): string {
  if (!Array.isArray(value) || value.length > listLengthMax) return shownItem(value);
  return `[${value.map(shownItem).join(', ')}]`;
}

function shownItem(value: unknown): string {
  if (typeof value === 'object' && value !== null) return kindOf(value);
  if (typeof value !== 'string') return String(value);
  return escapeControls(JSON.stringify(shortened(maskPasswords(value), valueLengthMax)));
}

/** What somebody wrote, without its content. */
export function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a mapping';
  return typeof value === 'string' ? 'a text' : String(value);
}

/** Replaces the password of each URL in `text`. The password may hold any character but a space, "@" included. */
export function maskPasswords(text: string): string {
  // One pass over any text: with "@" in the pattern, a megabyte of "://a:" would take minutes.
  return text.replaceAll(/(:\/\/[^\s:/@]*:)(\S*)/g, (whole: string, before: string, rest: string) => {
    const end = rest.lastIndexOf('@');
    return end === -1 ? whole : `${before}***${rest.slice(end)}`;
  });
}
