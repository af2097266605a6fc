// The only importer of js-yaml: YAML 1.2 text to a plain value. Of a whole document it also says in which line
// each key stands and which keys stand twice, for messages; what the keys mean is left to others.
import { constructFromEvents, EVENT_ID, getScalarValue, parseEvents, YAMLException } from 'js-yaml';

/** The text is not YAML; the message says where (line and column, from 1) and what is wrong. */
export class YamlError extends Error {
  override readonly name = 'YamlError';
  /** What is wrong, without the place. */
  readonly reason: string;

  constructor(error: YAMLException) {
    const reason = plainReason(error.reason);
    const { mark } = error;
    super(mark ? `line ${mark.line + 1}, column ${mark.column + 1}: ${reason}` : reason, { cause: error });
    this.reason = reason;
  }
}

export interface YamlDocument {
  readonly value: unknown;
  /** Keys that a mapping has twice. Only the last value counts, so whoever reads this must refuse them. */
  readonly duplicates: readonly { readonly key: string; readonly line: number }[];
  /** Line, from 1, of the key at `path`; of its nearest parent where it has none of its own. */
  lineOf(path: readonly string[]): number | undefined;
}

type YamlEvent = ReturnType<typeof parseEvents>[number];

/** The value that `text` stands for; `undefined` or null for an empty one. Throws YamlError. */
export function parseYaml(text: string): unknown {
  return reporting(() => construct(text, parseEvents(text, {}), false));
}

/** Like `parseYaml`, with the places of keys; duplicate keys are reported instead of thrown. */
export function parseYamlDocument(text: string): YamlDocument {
  return reporting(() => {
    const events = parseEvents(text, {});
    const value = construct(text, events, true);
    const { lines, duplicates } = new KeyFinder(text, events);
    return {
      value,
      duplicates,
      lineOf: (path) =>
        path
          .map((_, index) => lines.get(pathKey(path.slice(0, index + 1))))
          .findLast((line) => line !== undefined),
    };
  });
}

// Aliases become references to one object, so a "billion laughs" file stays small as long as nobody walks it.
function construct(source: string, events: YamlEvent[], lastDuplicateWins: boolean): unknown {
  const documents = constructFromEvents(events, { source, json: lastDuplicateWins });
  if (documents.length > 1) throw new YAMLException('more than one document (a line of three hyphens)');
  return documents[0];
}

function reporting<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof YAMLException) throw new YamlError(error);
    throw error;
  }
}

const pathKey = (path: readonly string[]): string => path.join('\0');

/** Walks the events of a parse once. Its depth is bounded by js-yaml's own limit on nesting. */
class KeyFinder {
  readonly lines = new Map<string, number>();
  readonly duplicates: { key: string; line: number }[] = [];
  readonly #text: string;
  readonly #events: readonly YamlEvent[];
  #next = 1; // 0 opens the document
  #offset = 0;
  #line = 1;

  constructor(text: string, events: readonly YamlEvent[]) {
    this.#text = text;
    this.#events = events;
    if (events.length > 0) this.#node([]);
  }

  #node(path: readonly string[]): void {
    const event = this.#events[this.#next++];
    if (event?.type === EVENT_ID.MAPPING) {
      const seen = new Set<string>();
      while (!this.#closed()) this.#pair(path, seen);
    } else if (event?.type === EVENT_ID.SEQUENCE) {
      while (!this.#closed()) this.#node([...path, '-']);
    }
  }

  #pair(path: readonly string[], seen: Set<string>): void {
    const event = this.#events[this.#next];
    if (event?.type !== EVENT_ID.SCALAR) {
      this.#node(path);
      this.#node(path);
      return;
    }
    this.#next++;
    const key = getScalarValue(this.#text, event);
    const line = this.#lineAt(event.valueStart);
    if (seen.has(key)) this.duplicates.push({ key: [...path, key].join('.'), line });
    seen.add(key);
    const keyPath = [...path, key];
    if (keyPath.length <= keyDepthMax) this.lines.set(pathKey(keyPath), line);
    this.#node(keyPath);
  }

  #closed(): boolean {
    const event = this.#events[this.#next];
    if (event !== undefined && event.type !== EVENT_ID.POP) return false;
    this.#next++;
    return true;
  }

  // Events come in the order of the text, so each call counts on from the last.
  #lineAt(offset: number): number {
    for (; this.#offset < offset; this.#offset++) {
      if (this.#text[this.#offset] === '\n') this.#line++;
    }
    return this.#line;
  }
}

/** No key of the configuration lies deeper; remembering all paths of a hostile file would cost its size squared. */
const keyDepthMax = 4;

// js-yaml's reasons in the words of somebody who does not know how a parser works.
function plainReason(reason: string): string {
  return plainReasons.find(([pattern]) => pattern.test(reason))?.[1] ?? reason;
}

const plainReasons: readonly (readonly [RegExp, string])[] = [
  [/^tab characters/, 'indented with a tab; use spaces'],
  [
    /^bad indentation|^deficient indentation/,
    'the indentation does not fit, the line before lacks its colon, or a value with special characters needs quotes',
  ],
  [/within a flow collection/, 'a [ or { is never closed'],
  [/within a (single|double) quoted scalar/, 'a quote is never closed'],
  [/^missed comma|found ','/, 'commas and values inside [ ] or { } do not alternate'],
  [/^expected ':'|^can not read a block mapping entry/, 'a key without a colon and a space after it'],
  [
    /^end of the stream or a document separator/,
    'does not belong to the line before; is a colon missing there, or the indentation wrong?',
  ],
  [/alias/, 'a value that starts with * needs quotes'],
  [/tag/, 'a value that starts with ! needs quotes'],
  [/anchor/, 'a value that starts with & needs quotes'],
  [/^duplicated mapping key/, 'a key that stands twice'],
  [/complex keys/, 'a key that is itself a list or a mapping; a text that starts with [ or { needs quotes'],
  [/non-printable|null byte/, 'characters that cannot be printed; is this a text file?'],
  [/^nesting exceeded/, 'nested far too deeply'],
];
