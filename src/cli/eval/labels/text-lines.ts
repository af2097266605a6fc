// Where something stands in a JSON text, so that a message can name the line.

/** The line of a position in a text, from 1. */
export function lineAt(text: string, position: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < position; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/** The line where the value at `path` begins, or the nearest value around it. `text` has to be valid JSON. */
export function lineOfPath(text: string, path: readonly PropertyKey[]): number {
  const scanner = new Scanner(text);
  return lineAt(text, scanner.find(path));
}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Position of the value at `path`. */
  find(path: readonly PropertyKey[]): number {
    this.#skipSpace();
    let begin = this.#at;
    for (const step of path) {
      if (!this.#enter(step)) return begin;
      begin = this.#at;
    }
    return begin;
  }

  /** Goes to the element or the last key `step` of the value that begins here; false: it has none. */
  #enter(step: PropertyKey): boolean {
    const isObject = this.#text[this.#at] === '{';
    if (!isObject && this.#text[this.#at] !== '[') return false;
    this.#at++;
    let found: number | null = null;
    for (let index = 0; ; index++) {
      this.#skipSpace();
      if (/[\]}]/.test(this.#text[this.#at] ?? ']')) break;
      const key = isObject ? this.#key() : index;
      if (key === step) found = this.#at;
      this.#skipValue();
      this.#skipSpace();
      if (this.#text[this.#at] === ',') this.#at++;
    }
    this.#at = found ?? this.#at;
    return found !== null;
  }

  #key(): unknown {
    const begin = this.#at;
    this.#skipString();
    const key: unknown = JSON.parse(this.#text.slice(begin, this.#at));
    this.#skipSpace();
    this.#at++;
    this.#skipSpace();
    return key;
  }

  #skipValue(): void {
    let depth = 0;
    do {
      const character = this.#text[this.#at];
      if (character === undefined) return;
      if (character === '"') {
        this.#skipString();
        continue;
      }
      if (character === '{' || character === '[') depth++;
      if (character === '}' || character === ']') depth--;
      this.#at++;
    } while (depth > 0 || /[^,\]}\s]/.test(this.#text[this.#at] ?? ','));
  }

  #skipString(): void {
    this.#at++;
    while (this.#at < this.#text.length && this.#text[this.#at] !== '"') {
      this.#at += this.#text[this.#at] === '\\' ? 2 : 1;
    }
    this.#at++;
  }

  #skipSpace(): void {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
  }
}
