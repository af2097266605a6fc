#!/usr/bin/env node
// The `pear` command: looks at a running server and lets it judge images.
import { parseArgs } from 'node:util';
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
  const commands = { classify, peers, models } as const;
  if (!(command === 'classify' || command === 'peers' || command === 'models')) {
    throw new StartupError(
      `pear ${command} is no command`,
      `known are ${Object.keys(commands).join(', ')}; see pear --help`,
    );
  }
  const client = await connectTo(targetOf(config.server, values.connect));
  try {
    if (command === 'classify') return await classify(client, names, values.json, process.stdout);
    return await commands[command](client, values.json, process.stdout);
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
