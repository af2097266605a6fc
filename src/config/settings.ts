// Every key that somebody set, with its value and where it came from; what is set later wins. Here each key is
// looked up in the tree and each value checked alone; how values go together is left to cross-checks.ts.
import { keyTree, type Key, type Section } from './key-tree.js';
import { belowKey, notASection, quotesHint, unknownKey, unreadableText, wrongValue } from './mistakes.js';
import type { Problems } from './problems.js';
import { configSchema, verbatimKeys, type Config } from './schema.js';
import { isIgnoredKey, readSeedValue } from './seed-compat.js';
import type { Assignment } from './sources.js';
import { parseYaml, YamlError } from './yaml.js';

interface Setting {
  readonly key: Key;
  readonly value: unknown;
  readonly origin: string;
  /** The text it was read from; `undefined` for a value of a file, which has a type of its own. */
  readonly text?: string;
}

/** Where the key or section at `path` was written. */
export type OriginOf = (path: readonly string[]) => string;

/** Stands for zod's own messages, which ours replace; those of the schema say what was expected. */
const unsaid = '';

export class Settings {
  readonly notes: string[] = [];
  readonly #problems: Problems;
  readonly #settings = new Map<string, Setting>();
  readonly #accepted = new Map<string, unknown>();
  readonly #refused = new Set<string>();

  constructor(problems: Problems) {
    this.#problems = problems;
  }

  /** Where the key at `path` was set; `undefined` where its default holds. */
  originOf(path: string): string | undefined {
    return this.#settings.get(path)?.origin;
  }

  /** Whether the key at `path` was set to something other than null. */
  has(path: string): boolean {
    return (this.#settings.get(path)?.value ?? null) !== null;
  }

  /** Whether the value of the key at `path` was a mistake, as `check` found. */
  isRefused(path: string): boolean {
    return this.#refused.has(path);
  }

  /** Takes what a mapping says of all keys. */
  addMapping(value: unknown, originOf: OriginOf): void {
    this.#addSection(keyTree, value, [], originOf);
  }

  /** Takes a text of the environment or the command line. */
  addText({ path, text, origin }: Assignment): void {
    let node: Section | Key = keyTree;
    for (const [depth, name] of path.entries()) {
      const parent: Section | Key = node;
      if (parent.type === 'key') {
        this.#problems.add(() => belowKey(path, parent), origin);
        return;
      }
      const child = parent.children.get(name);
      if (child === undefined) {
        this.#addUnknown(path, depth, parent, origin);
        return;
      }
      node = child;
    }
    if (node.type === 'section') this.#addSectionText(node, text, origin);
    else this.#addKeyText(node, text, origin);
  }

  /** Checks each value alone. Those that are mistakes are added; in what is returned their defaults stand. */
  check(): Config {
    for (const setting of this.#settings.values()) {
      const { path } = setting.key;
      const { value, note } = readSeedValue(path, setting.value);
      if (note !== undefined) this.notes.push(`${path}: ${note} (${setting.origin})`);
      if (value === undefined) continue;
      if (this.#accepts(setting, value)) this.#accepted.set(path, value);
      else this.#refused.add(path);
    }
    return configSchema.parse(this.#acceptedBelow(keyTree));
  }

  // A section without anything in it is an empty one, so that its keys can be commented out.
  #addSection(section: Section, value: unknown, path: readonly string[], originOf: OriginOf): void {
    if (value === undefined || value === null) return;
    if (typeof value !== 'object' || Array.isArray(value)) {
      this.#problems.add(() => notASection(value, section), originOf(path));
      return;
    }
    for (const [name, content] of Object.entries(value)) {
      const childPath = [...path, name];
      const child = section.children.get(name);
      if (child === undefined) this.#addUnknown(childPath, path.length, section, originOf(childPath));
      else if (child.type === 'section') this.#addSection(child, content, childPath, originOf);
      else this.#set({ key: child, value: content, origin: originOf(childPath) });
    }
  }

  #addUnknown(path: readonly string[], depth: number, section: Section, origin: string): void {
    const dotted = path.join('.');
    if (isIgnoredKey(dotted)) {
      this.notes.push(
        `${dotted}: ignored; it belongs to the Python server and means nothing here (${origin})`,
      );
    } else {
      this.#problems.add(() => unknownKey(path, depth, section), origin);
    }
  }

  #addSectionText(section: Section, text: string, origin: string): void {
    try {
      this.#addSection(section, parseYaml(text), section.path.split('.'), () => origin);
    } catch (error) {
      if (!(error instanceof YamlError)) throw error;
      this.#problems.add(() => `${section.path}: not readable as YAML: ${error.reason}`, origin);
    }
  }

  #addKeyText(key: Key, text: string, origin: string): void {
    if (verbatimKeys.includes(key.path)) {
      this.#set({ key, value: text === '' ? null : text, origin, text });
      return;
    }
    try {
      const value = parseYaml(text) ?? null;
      const isText = key.wantsText && typeof value !== 'string' && !key.schema.safeParse(value).success;
      this.#set({ key, value: isText ? text : value, origin, text });
    } catch (error) {
      if (!(error instanceof YamlError)) throw error;
      if (key.wantsText) this.#set({ key, value: text, origin, text });
      else this.#problems.add(() => unreadableText(key, text, error), origin);
    }
  }

  #set(setting: Setting): void {
    this.#settings.set(setting.key.path, setting);
  }

  #accepts({ key, origin, text }: Setting, value: unknown): boolean {
    const result = key.schema.safeParse(value, { error: () => unsaid, reportInput: true });
    for (const { path, message, input } of result.error?.issues ?? []) {
      this.#problems.add(() => {
        const expected = message === unsaid ? key.expected : message;
        const hint = text === undefined ? quotesHint(key, value) : '';
        return wrongValue(key, path, path.length > 0 ? input : text === '' ? text : value, expected) + hint;
      }, origin);
    }
    return result.success;
  }

  #acceptedBelow(section: Section): object {
    const entries = [...section.children].flatMap(([name, child]): [string, unknown][] => {
      if (child.type === 'section') return [[name, this.#acceptedBelow(child)]];
      return this.#accepted.has(child.path) ? [[name, this.#accepted.get(child.path)]] : [];
    });
    return Object.fromEntries(entries);
  }
}
