// `npm run eval -- FOLDER`: has the photos of a folder judged by a server and tells what was right, how well boxes
// fit, whether confidences mean what they say, and how long it took; docs/models.md explains the figures.
import { setMaxListeners } from 'node:events';
import { constants } from 'node:fs';
import { access, realpath, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConfigLoader } from '../../config/loader.js';
import { ConfigError, ConnectionLostError, StartupError, WireError } from '../../errors.js';
import { printable } from '../fitted-table.js';
import { askAll } from './ask.js';
import { ClassNames } from './class-names.js';
import { evaluate, type Evaluation } from './evaluation.js';
import { labelledPhotos, type LabelledPhotos } from './labels/labelled-photos.js';
import { helpText, readEvalOptions, type EvalOptions } from './options.js';
import { reportOf } from './report.js';
import { openServer } from './server.js';
import { sheetPaths, writeSheet } from './sheet/contact-sheet.js';

const stop = new AbortController();
let signalCode: number | null = null;
/** From then on there is no server left to end. */
let isJudged = false;
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => {
    signalCode = code;
    if (isJudged) process.exit(code);
    stop.abort();
  });
}
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read this has seen enough, as `head` has.
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  try {
    const { config, rest } = ConfigLoader.load({ argv, env: process.env, cwd: process.cwd() });
    const options = readEvalOptions(rest);
    if (options === null) {
      process.stdout.write(helpText());
      return 0;
    }
    return await run(options, config, argv);
  } catch (error) {
    if (signalCode !== null) return signalCode;
    process.stderr.write(`${complaintOf(error)}\n`);
    return 2;
  }
}

async function run(
  options: EvalOptions,
  config: Parameters<typeof openServer>[0]['config'],
  argv: readonly string[],
): Promise<number> {
  const classes = new ClassNames(options.classes);
  for (const file of [options.sheet, options.json])
    if (file !== undefined && file !== '-') await checkPlace(file);
  const labelled = labelledPhotos(options.folder, options.annotations, classes);
  const inputs = labelled.photos.map(({ name }) => join(options.folder, name));
  inputs.push(options.annotations ?? join(options.folder, 'annotations.json'));
  const sheets = options.sheet === undefined ? [] : sheetPaths(options.sheet, labelled.photos.length);
  for (const file of [...sheets, options.json])
    if (file !== undefined && file !== '-') await assertNoInput(file, inputs);
  const hasLabels = labelled.photos.some(({ label }) => label !== undefined);
  if (options['fail-below'] !== undefined && !hasLabels)
    throw new StartupError(
      'nobody says what any of the photos show, so --fail-below has nothing to count',
      'name folders after classes, or use --annotations or --classes; docs/models.md shows how',
    );
  const judged = await judge(labelled, classes, options, config, argv);
  isJudged = true;
  const found = evaluate(judged, options['min-box']);
  await tell(found, labelled, options);
  const { share } = found.verdicts;
  if (options['fail-below'] === undefined || (share ?? 0) >= options['fail-below']) return 0;
  process.stderr.write(
    `${found.verdicts.hits} of ${found.verdicts.of} right is below ${options['fail-below']}\n`,
  );
  return 1;
}

async function judge(
  { photos }: LabelledPhotos,
  classes: ClassNames,
  options: EvalOptions,
  config: Parameters<typeof openServer>[0]['config'],
  argv: readonly string[],
): Promise<Evaluation['items']> {
  // A lane that fails ends the others, and a signal does.
  const ending = new AbortController();
  const signal = AbortSignal.any([stop.signal, ending.signal]);
  // One a connection, which may be more than Node thinks usual.
  setMaxListeners(0, signal);
  const server = await openServer({ options, config, argv, signal });
  try {
    signal.throwIfAborted();
    return await askAll(photos, {
      ...{ folder: options.folder, classes, enter: server.enter, signal },
      parallel: options.parallel ?? 4,
      onJudged: (count) => {
        if (process.stderr.isTTY)
          process.stderr.write(`\r${count} of ${photos.length}${count === photos.length ? '\n' : ''}`);
      },
    });
  } finally {
    ending.abort();
    await server.close();
  }
}

async function tell(found: Evaluation, { unnamed }: LabelledPhotos, options: EvalOptions): Promise<void> {
  if (options.json !== '-') {
    process.stdout.write(reportOf(found));
    if (unnamed > 0)
      process.stdout.write(
        `${unnamed} more below ${options.folder} are not in the file of labels, and were not judged\n`,
      );
  }
  const pages = options.sheet === undefined ? [] : await writeSheet(found, options.folder, options.sheet);
  if (options.json !== '-') for (const page of pages) process.stdout.write(`wrote ${page}\n`);
  const json = `${JSON.stringify(found, null, 2)}\n`;
  if (options.json === '-') process.stdout.write(json);
  else if (options.json !== undefined) await writeFile(options.json, json);
}

/** Before the work is done: later it would be lost. */
async function checkPlace(file: string): Promise<void> {
  try {
    await access(dirname(file), constants.W_OK);
  } catch (cause) {
    throw new StartupError(
      `nothing can be written to ${dirname(file)}`,
      'make that folder, or name another file',
      { cause },
    );
  }
}

/** What is judged, or says what it shows, must not be written over. */
async function assertNoInput(file: string, inputs: readonly string[]): Promise<void> {
  const path = await realpath(file).catch(() => null);
  if (path === null) return;
  if ((await stat(path)).isDirectory()) throw new StartupError(`${file} is a folder`, 'name a file');
  for (const input of inputs) {
    if ((await realpath(input).catch(() => null)) === path)
      throw new StartupError(`${file} is one of the files that are judged by`, 'name another one');
  }
}

function complaintOf(error: unknown): string {
  if (error instanceof ConfigError)
    return ['the configuration has mistakes:', ...error.problems].join('\n  ');
  if (error instanceof StartupError) return printable(`${error.message}; ${error.cure}`);
  if (error instanceof WireError) return `the server refuses (error ${error.code}): ${error.message}`;
  if (error instanceof ConnectionLostError) return `${error.message}; look at the log of the server`;
  // A file that cannot be written says so itself.
  if (error instanceof Error && 'code' in error) return error.message;
  throw error;
}
