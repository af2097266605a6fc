// What the environment and the command line say of the configuration, as paths and texts still to be read.
// Which paths exist and what their values must be is left to settings.ts.
import type { Problems } from './problems.js';

/** A key's path and the text given for it. */
export interface Assignment {
  readonly path: readonly string[];
  readonly text: string;
  /** Where it was given, for messages. */
  readonly origin: string;
}

/** A configuration file that somebody asked for. */
export interface NamedFile {
  readonly path: string;
  /** What named it, for messages. */
  readonly by: string;
}

export interface Source {
  readonly assignments: readonly Assignment[];
  readonly file: NamedFile | undefined;
}

export interface CommandLine extends Source {
  /** The arguments that are not configuration, in their order. */
  readonly rest: readonly string[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

const optionOrigin = 'command line option ';

/** Whether a key was set by an option, which every user of the machine can read in the list of processes. */
export function isFromCommandLine(origin: string | undefined): boolean {
  return origin?.startsWith(optionOrigin) === true;
}

const prefix = 'PEAR_';
const separator = '__';

/** Reads `PEAR_CONFIG` and `PEAR_SECTION__KEY`. Other names are not ours: Kubernetes injects PEAR_PORT. */
export function readEnvironment(env: Environment, problems: Problems): Source {
  const assignments = new Map<string, Assignment>();
  let file: NamedFile | undefined;
  for (const [name, text] of Object.entries(env)) {
    if (text === undefined || !name.startsWith(prefix)) continue;
    const rest = name.slice(prefix.length).toLowerCase();
    if (rest === 'config' && text !== '') file = { path: text, by: name };
    if (!rest.includes(separator)) continue;
    const twin = assignments.get(rest);
    if (twin) problems.add(() => `${name}: set twice, differing only in capitals`, twin.origin);
    assignments.set(rest, { path: rest.split(separator), text, origin: `environment variable ${name}` });
  }
  // Whole sections first, so that a variable for one of their keys has the last word.
  return { assignments: [...assignments.values()].sort((a, b) => a.path.length - b.path.length), file };
}

/**
 * Reads `--config PATH`, `--section.key VALUE` and both with `=`. Everything else stays in `rest`,
 * as does what follows `--`. Of the same option twice the last counts.
 */
export function readCommandLine(argv: readonly string[], problems: Problems): CommandLine {
  const assignments: Assignment[] = [];
  const rest: string[] = [];
  let file: NamedFile | undefined;
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? '';
    if (argument === '--') {
      rest.push(...argv.slice(index));
      break;
    }
    const option = /^--(config|[^=\s]*\.[^=\s]*)(?:=(.*))?$/s.exec(argument);
    if (option === null) {
      rest.push(argument);
      continue;
    }
    const [, name = '', inline] = option;
    const text = inline ?? valueAfter(argv, index);
    if (inline === undefined && text !== undefined) index++;
    if (text === undefined || (name === 'config' && text === '')) {
      problems.add(() => `--${name}: its value is missing`, 'command line');
    } else if (name === 'config') {
      file = { path: text, by: '--config' };
    } else {
      assignments.push({ path: name.split('.'), text, origin: `${optionOrigin}--${name}` });
    }
  }
  return { assignments, file, rest };
}

// A value that starts with "--" has to be given with "=": more often the value was forgotten.
function valueAfter(argv: readonly string[], index: number): string | undefined {
  const next = argv[index + 1];
  return next?.startsWith('--') === true ? undefined : next;
}
