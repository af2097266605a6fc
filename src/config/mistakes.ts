// What is wrong with one key or value, in words: what stands there, what was expected, and what was probably meant.
import { keyTree, knownPaths, type Key, type Section } from './key-tree.js';
import { nearestKey } from './nearest-key.js';
import { kindOf, shownKey, shownValue } from './problems.js';
import { secretKeys } from './schema.js';
import { parseYaml, YamlError } from './yaml.js';

/** `path` leads nowhere: its part at `depth` is no child of `section`. */
export function unknownKey(path: readonly string[], depth: number, section: Section): string {
  const written = path.join('.');
  const what = `${shownKey(written)}: unknown key`;
  const meant = nearestKey(written, knownPaths) ?? nearestKey(path.slice(0, depth + 1).join('.'), knownPaths);
  if (meant === written) return `${what}; in a file, a dot does not lead into a section: ${nested(meant)}`;
  if (meant !== undefined) return `${what}; did you mean ${meant}?`;
  const owner = section === keyTree ? 'sections' : `keys of ${section.path}`;
  return `${what}; the ${owner} are ${[...section.children.keys()].join(', ')}`;
}

/** An argument of the command line that is neither an option of the configuration nor anything else that is known. */
export function unknownOption(argument: string): string {
  const name = argument.replace(/^-+/, '').replace(/=.*$/s, '');
  const meant = argument.startsWith('-') ? nearestKey(name, knownPaths) : undefined;
  const cure =
    meant === undefined ? 'options are --config FILE and --SECTION.KEY VALUE' : `did you mean --${meant}?`;
  return `${shownKey(argument)}: unknown option; ${cure}`;
}

function nested(path: string): string {
  const dot = path.lastIndexOf('.');
  return `write "${path.slice(dot + 1)}:" on a line of its own, indented below "${path.slice(0, dot)}:"`;
}

/** `path` goes on below a key, which has nothing below it. */
export function belowKey(path: readonly string[], key: Key): string {
  return `${shownKey(path.join('.'))}: unknown key; ${key.path} has no keys below it`;
}

/** `value` stands where a section was expected. It is not shown: it may be a password that slipped a level up. */
export function notASection(value: unknown, section: Section): string {
  const hint =
    typeof value === 'string' && /^\w+:[^\s/]/.test(value) ? '; a colon needs a space after it' : '';
  const keys = [...section.children.keys()].join(', ');
  return `${section.path}: ${kindOf(value)} stands where its keys were expected (${keys})${hint}`;
}

/** `text`, given for a key that wants no text, is not YAML. */
export function unreadableText(key: Key, text: string, error: YamlError): string {
  const shown = secretKeys.includes(key.path) ? 'the value (not shown)' : shownValue(text);
  return `${key.path}: ${shown} is not readable as YAML: ${error.reason}`;
}

/** `value`, or the part of it at `place`, is not what the key wants. */
export function wrongValue(
  key: Key,
  place: readonly PropertyKey[],
  value: unknown,
  expected: string,
): string {
  const shown = secretKeys.includes(key.path) ? 'the value (not shown)' : shownValue(value);
  return `${key.path}${place.map((part) => `[${String(part)}]`).join('')}: ${shown} is not ${expected}`;
}

/** How to mend a value of a file that would be right with quotes, or without; empty where that is not so. */
export function quotesHint(key: Key, value: unknown): string {
  const fits = (other: unknown): boolean => key.schema.safeParse(other).success;
  if (typeof value === 'number' || typeof value === 'boolean') {
    return fits(String(value)) ? '; put it in quotes' : '';
  }
  if (typeof value !== 'string') return '';
  try {
    const unquoted = parseYaml(value) ?? value;
    return fits(unquoted) ? '; leave out the quotes' : '';
  } catch (error) {
    if (error instanceof YamlError) return '';
    throw error;
  }
}
