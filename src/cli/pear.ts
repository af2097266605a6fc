#!/usr/bin/env node
// The `pear` command: looks at a running server and lets it judge images.
import { parseArgs } from 'node:util';
import type { PearClient } from '../client/pear-client.js';
import { ConfigLoader } from '../config/loader.js';
import { ConfigError, ConnectionLostError, StartupError, WireError } from '../errors.js';
import { version } from '../version.js';
import { classify } from './classify.js';
import { models } from './models.js';
import { peers } from './peers.js';
import { connectTo, targetOf } from './target.js';

const usage = `pear ${version}: a tool for the pear server

  pear classify FILE…   judge images: files here, or names in the server's image folder
  pear peers            list every connection of every worker and host
  pear models           list the server's models

  --json                print JSON instead of a table
  --connect HOST:PORT   the server to talk to; by default the one of the configuration
  --config FILE, --SECTION.KEY VALUE   the configuration, as for the server
`;

/** Prints to `out`; resolves to the exit code. */
type Tool = (
  client: PearClient,
  names: readonly string[],
  json: boolean,
  out: NodeJS.WritableStream,
) => Promise<number>;

const tools: ReadonlyMap<string, Tool> = new Map<string, Tool>([
  ['classify', classify],
  ['peers', (client, _names, json, out) => peers(client, json, out)],
  ['models', (client, _names, json, out) => models(client, json, out)],
]);

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof ConfigError) return complain(['the configuration has mistakes:', ...error.problems]);
    if (error instanceof StartupError) return complain([`${error.message}; ${error.cure}`]);
    if (error instanceof WireError)
      return complain([`the server refuses (error ${error.code}): ${error.message}`]);
    if (error instanceof ConnectionLostError)
      return complain([`${error.message} before it answered; try again`]);
    throw error;
  }
}

async function run(): Promise<number> {
  const { config, rest } = ConfigLoader.load({
    argv: process.argv.slice(2),
    env: process.env,
    cwd: process.cwd(),
  });
  const { values, positionals } = readArguments(rest);
  const [command, ...names] = positionals;
  if (values.help || command === undefined) {
    process.stdout.write(usage);
    return values.help ? 0 : 2;
  }
  const tool = tools.get(command);
  if (tool === undefined) {
    throw new StartupError(
      `pear ${command} is no command`,
      `known are ${[...tools.keys()].join(', ')}; see pear --help`,
    );
  }
  if (names.length > 0 && command !== 'classify') {
    throw new StartupError(`pear ${command} takes no ${names.join(' ')}`, 'see pear --help');
  }
  const client = await connectTo(targetOf(config.server, values.connect));
  try {
    return await tool(client, names, values.json, process.stdout);
  } finally {
    await client.close();
  }
}

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
        connect: { type: 'string' },
      },
    });
  } catch (cause) {
    throw new StartupError(cause instanceof Error ? cause.message : String(cause), 'see pear --help', {
      cause,
    });
  }
}

function complain(lines: readonly string[]): number {
  process.stderr.write(`${lines.join('\n  ')}\n`);
  return 1;
}
