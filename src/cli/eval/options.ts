// The command line of the evaluation, stated once.
import { z } from 'zod';
import { StartupError } from '../../errors.js';
import { notesOf, readArguments, readOptions } from '../arguments.js';
import { flag, text, wholeNumber } from '../option-values.js';
import { connectOption } from '../tool.js';

const title = 'npm run eval --';

const shareError = 'it must be a share from 0 to 1, such as 0.95';

const schema = z.strictObject({
  annotations: text(
    'FILE',
    'what the photos show, JSON or CSV; by default annotations.json in FOLDER, or the names',
  ),
  classes: text('A=B,…', 'what names of folders and classes mean, such as bruise=defective'),
  model: text('FILE', 'the model of the server that is started for this'),
  ...connectOption,
  connect: text('HOST:PORT', 'a server that runs; without it one is started for this'),
  server: text('HOST:PORT', 'another word for --connect'),
  parallel: wholeNumber(1, 64, 'N', 'photos under way at a time (4)'),
  'min-box': wholeNumber(0, 100_000, 'PIXELS', 'boxes whose shorter side is below do not count (0)'),
  json: text('FILE', 'everything, as JSON; - is standard output, without the text'),
  sheet: text('FILE.png', 'a contact sheet with boxes and verdicts; further pages are FILE-2.png and so on'),
  'fail-below': z.coerce
    .number({ error: shareError })
    .min(0, { error: shareError })
    .max(1, { error: shareError })
    .optional()
    .meta({
      value: 'SHARE',
      description: 'exit code 1 where a smaller share of the labelled photos is right',
    }),
  help: flag('this text'),
});

export type EvalOptions = z.output<typeof schema> & { readonly folder: string };

const notes = notesOf(schema);

/** null: the help was asked for. Throws StartupError. */
export function readEvalOptions(args: readonly string[]): EvalOptions | null {
  const { given, names } = readArguments(args, notes, title);
  const options = readOptions(given, schema, title);
  if (options.help) return null;
  const [folder, ...others] = names;
  if (folder === undefined)
    throw new StartupError('no folder is given', `write ${title} FOLDER; see ${title} --help`);
  if (others.length > 0)
    throw new StartupError(`${title} takes one folder, not also ${others.join(' ')}`, `see ${title} --help`);
  if (options.server !== undefined && options.connect !== undefined)
    throw new StartupError('--server and --connect mean the same', 'leave one of them out');
  const connect = options.connect ?? options.server;
  if (connect !== undefined && options.model !== undefined)
    throw new StartupError(
      '--model is for a server that is started for this; the one at --connect has its own',
      'leave one of them out',
    );
  if (options.sheet !== undefined && !/\.png$/i.test(options.sheet))
    throw new StartupError(`--sheet ${options.sheet} is no PNG`, 'give it a name that ends in .png');
  return { ...options, connect, folder };
}

export function helpText(): string {
  const written = notes.map(({ name, value, description }) => ({
    left: `--${name}${value === undefined ? '' : ` ${value}`}`,
    description,
  }));
  const lines = [
    ...written,
    { left: '--config FILE, --SECTION.KEY VALUE', description: 'the configuration, as for the server' },
  ];
  const width = Math.max(...lines.map(({ left }) => left.length));
  return `${title} FOLDER [options]: has photos judged by a server and compares that with what they show

${lines.map(({ left, description }) => `  ${left.padEnd(width)}  ${description}\n`).join('')}
Exit code 0: it ran. 1: a smaller share is right than --fail-below says. 2: it could not run.
`;
}
