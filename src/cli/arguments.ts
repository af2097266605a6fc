// Reads the options of one tool, as its schema states them. What is wrong is named, with the nearest that there is.
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { nearestKey } from '../config/nearest-key.js';
import { StartupError } from '../errors.js';

/** `value`: what to write behind the option, such as FILE; flags have none. */
const metaSchema = z.object({ value: z.string().optional(), description: z.string().default('') });

export type OptionShape = z.ZodObject<z.ZodRawShape, z.core.$strict>;

export interface OptionNote {
  readonly name: string;
  readonly value: string | undefined;
  readonly description: string;
}

/** What the schema tells of its options, for the help and for reading them. */
export function notesOf(schema: OptionShape): OptionNote[] {
  return Object.entries(schema.shape).map(([name, option]) => {
    const meta = option instanceof z.ZodType ? option.meta() : undefined;
    const { value, description } = metaSchema.parse(meta ?? {});
    return { name, value, description };
  });
}

export interface Arguments {
  /** Texts, and true for flags; to be read by the schema of the options. */
  readonly given: Readonly<Record<string, string | true>>;
  /** What is no option. */
  readonly names: readonly string[];
}

/** `tool`: for messages, such as `pear peers`. Throws StartupError. */
export function readArguments(
  args: readonly string[],
  notes: readonly OptionNote[],
  tool: string,
): Arguments {
  const type = ({ value }: OptionNote) => (value === undefined ? 'boolean' : 'string');
  const options = Object.fromEntries(
    notes.map((note) => [
      note.name,
      { type: type(note), ...(note.name === 'help' ? { short: 'h' } : {}) } as const,
    ]),
  );
  const { tokens } = parseArgs({
    args: [...args],
    allowPositionals: true,
    strict: false,
    tokens: true,
    options,
  });
  const given: Record<string, string | true> = {};
  const names: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') names.push(token.value);
    if (token.kind !== 'option') continue;
    const note = notes.find(({ name }) => name === token.name);
    if (note === undefined) throw unknownOption(token.rawName, notes, tool);
    const isFlag = note.value === undefined;
    if (isFlag && token.value !== undefined)
      throw new StartupError(`${tool}: ${token.rawName} takes no value`, `write ${token.rawName} alone`);
    if (!isFlag && isMissing(token.value, token.inlineValue)) {
      throw new StartupError(
        `${tool}: the value of ${token.rawName} is missing`,
        `write ${token.rawName} ${note.value}`,
      );
    }
    given[token.name] = token.value ?? true;
  }
  return { given, names };
}

/** Throws StartupError for a value that the schema refuses. */
export function readOptions<Shape extends z.ZodRawShape>(
  given: Arguments['given'],
  schema: z.ZodObject<Shape, z.core.$strict>,
  tool: string,
): z.output<z.ZodObject<Shape, z.core.$strict>> {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = String(issue?.path[0] ?? '');
  const said = issue?.message ?? 'it is wrong';
  throw new StartupError(
    `${tool}: --${name} ${String(given[name] ?? '')} will not do`,
    `${said}${said.endsWith('?') ? '' : ';'} see ${tool} --help`,
  );
}

/** `did you mean peers?`, or what is known, where none is near. */
export function nearestOf(name: string, known: readonly string[]): string {
  const meant = nearestKey(name, known);
  return meant === undefined ? `known are ${known.join(', ')};` : `did you mean ${meant}?`;
}

// A value that begins with "--" has to be given with "=": more often the value was forgotten.
function isMissing(value: string | undefined, isInline: boolean | undefined): boolean {
  return value === undefined || value === '' || (isInline !== true && value.startsWith('--'));
}

function unknownOption(rawName: string, notes: readonly OptionNote[], tool: string): StartupError {
  const known = notes.map(({ name }) => `--${name}`);
  return new StartupError(
    `${tool} has no option ${rawName}`,
    `${nearestOf(rawName, known)} see ${tool} --help`,
  );
}
