#!/usr/bin/env node
// The `pear` command: looks at a running server and lets it judge images. Each tool states its own options.
import { ConfigLoader } from '../config/loader.js';
import { ConfigError, ConnectionLostError, StartupError, WireError } from '../errors.js';
import { version } from '../version.js';
import { nearestOf } from './arguments.js';
import { classifyTool } from './classify.js';
import { eventsTool } from './events/tool.js';
import { printable } from './fitted-table.js';
import { kickTool } from './kick.js';
import { modelsTool } from './models.js';
import { tokenTool } from './new-token.js';
import { peersTool } from './peers/tool.js';
import type { Tool } from './tool.js';

const tools: readonly Tool[] = [classifyTool, peersTool, kickTool, eventsTool, modelsTool, tokenTool];

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Whoever read this has seen enough, as `head` has.
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
process.exitCode = await main();

async function main(): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof ConfigError) return complain(['the configuration has mistakes:', ...error.problems]);
    if (error instanceof StartupError) return complain([`${error.message}; ${error.cure}`]);
    if (error instanceof WireError)
      return complain([`the server refuses (error ${error.code}): ${error.message}`]);
    if (error instanceof ConnectionLostError) return complain([`${error.message}; try again`]);
    throw error;
  }
}

async function run(): Promise<number> {
  const { config, rest } = ConfigLoader.load({
    argv: process.argv.slice(2),
    env: process.env,
    cwd: process.cwd(),
  });
  const { name, args } = split(rest);
  if (name === null) {
    const wantsHelp = args.some((arg) => arg === '--help' || arg === '-h');
    process.stdout.write(usage());
    return wantsHelp ? 0 : 2;
  }
  const tool = tools.find((each) => each.name === name);
  if (tool === undefined) {
    const known = tools.map((each) => each.name);
    throw new StartupError(`pear ${name} is no command`, `${nearestOf(name, known)} see pear --help`);
  }
  return tool.run(args, { config, out: process.stdout });
}

/** The name of the tool is the first argument that is neither an option nor the value of one. */
function split(rest: readonly string[]): { readonly name: string | null; readonly args: readonly string[] } {
  const valued = new Set(
    tools.flatMap(({ notes }) =>
      notes.flatMap(({ name, value }) => (value === undefined ? [] : [`--${name}`])),
    ),
  );
  for (let index = 0; index < rest.length; index++) {
    const argument = rest[index] ?? '';
    if (valued.has(argument)) index++;
    else if (!argument.startsWith('-')) {
      return { name: argument, args: [...rest.slice(0, index), ...rest.slice(index + 1)] };
    }
  }
  return { name: null, args: rest };
}

function usage(): string {
  const width = Math.max(...tools.map((tool) => tool.usage.length));
  const lines = tools.map((tool) => `  ${tool.usage.padEnd(width)}   ${tool.summary}\n`).join('');
  return `pear ${version}: a tool for the pear server

${lines}
  --config FILE, --SECTION.KEY VALUE   the configuration, as for the server

pear TOOL --help tells the options of each.
`;
}

function complain(lines: readonly string[]): number {
  process.stderr.write(`${lines.map(printable).join('\n  ')}\n`);
  return 1;
}
