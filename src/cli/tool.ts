// What a sub-command of `pear` is: its name, its options, what it does. Each states its options once, as a schema.
import type { Writable } from 'node:stream';
import type { z } from 'zod';
import type { Config } from '../config/schema.js';
import { StartupError } from '../errors.js';
import { notesOf, readArguments, readOptions, type OptionNote } from './arguments.js';
import { flag, text } from './option-values.js';
import { certificateOptions, tlsOptions } from './tls-options.js';

export interface Surroundings {
  readonly config: Pick<Config, 'server' | 'admin' | 'limits'>;
  /** A terminal, a file, a pipe. */
  readonly out: NodeJS.WriteStream | Writable;
}

export interface Call<Options> extends Surroundings {
  readonly options: Options;
  /** What is no option. */
  readonly names: readonly string[];
}

export interface Tool {
  readonly name: string;
  /** For the list of tools: how it is written, and what it does. */
  readonly usage: string;
  readonly summary: string;
  readonly notes: readonly OptionNote[];
  /** Resolves to the exit code. Throws what pear.ts tells people. */
  run(args: readonly string[], surroundings: Surroundings): Promise<number>;
}

export interface ToolSpec<Shape extends z.ZodRawShape> {
  readonly name: string;
  /** What it takes beside options, such as `FILE…`; empty: nothing. */
  readonly takes: string;
  readonly summary: string;
  readonly options: z.ZodObject<Shape, z.core.$strict>;
  /** Lines for the end of its help. */
  readonly hints?: string;
  readonly run: (call: Call<z.output<z.ZodObject<Shape, z.core.$strict>>>) => Promise<number>;
}

/** There is no option for the token itself: what stands on a command line every user of the machine can read. */
const tokenOption = {
  'token-file': text('FILE', 'shows the server the token in FILE; without it that in PEAR_TOKEN'),
};

/** Of every tool that talks over TCP; over the admin HTTP. */
export const connectOption = {
  connect: text('HOST:PORT', 'the server to talk to; by default the one of the configuration'),
  ...tokenOption,
  ...tlsOptions,
};
export const adminOption = {
  admin: text(
    'HOST:PORT',
    'its admin HTTP, https://HOST:PORT over TLS; by default the one of the configuration',
  ),
  ...tokenOption,
  ...certificateOptions,
};

const helpNote: OptionNote = {
  name: 'help',
  value: undefined,
  description: flag('this text').description ?? '',
};

export function defineTool<Shape extends z.ZodRawShape>(spec: ToolSpec<Shape>): Tool {
  const title = `pear ${spec.name}`;
  const usage = `${title}${spec.takes === '' ? '' : ` ${spec.takes}`}`;
  const notes = [...notesOf(spec.options), helpNote];
  return {
    name: spec.name,
    usage,
    summary: spec.summary,
    notes,
    run: async (args, surroundings) => {
      const { given, names } = readArguments(args, notes, title);
      const { help, ...rest } = given;
      if (help === true) {
        surroundings.out.write(helpOf(usage, spec.summary, notes, spec.hints));
        return 0;
      }
      if (names.length > 0 && spec.takes === '')
        throw new StartupError(`${title} takes no ${names.join(' ')}`, `see ${title} --help`);
      return spec.run({ ...surroundings, names, options: readOptions(rest, spec.options, title) });
    },
  };
}

function helpOf(usage: string, summary: string, notes: readonly OptionNote[], hints = ''): string {
  const written = notes.map(({ name, value, description }) => ({
    left: `--${name}${value === undefined ? '' : ` ${value}`}`,
    description,
  }));
  const config = { left: '--config FILE', description: 'the configuration, as for the server' };
  const lines = [...written, config];
  const width = Math.max(...lines.map(({ left }) => left.length));
  const table = lines.map(({ left, description }) => `  ${left.padEnd(width)}  ${description}\n`).join('');
  return `${usage}: ${summary}\n\n${table}${hints === '' ? '' : `\n${hints}\n`}`;
}
