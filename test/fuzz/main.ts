// `npm run fuzz`: starts the real server and does to it, from the side of its peers, everything that a peer can do.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startServer } from '../support/server.js';
import { fuzz, sessionsFor } from './fuzzer.js';
import { Playground } from './playground.js';
import { asHex, asJson, asTable, describeFailure, type Report } from './report.js';

const usage =
  'usage: npm run fuzz -- [--seconds 60] [--seed N] [--connections 32] [--session M[,M…]] [--save FILE] [--json]';
const secondsMax = 3_600;
const connectionsMax = 64;

// So that what is cleaned up at the exit is cleaned up then too.
process.once('SIGINT', () => process.exit(130));
process.exitCode = await main();

async function main(): Promise<number> {
  const options = readOptions();
  if (options === null) {
    process.stderr.write(`${usage}\nat most ${secondsMax} seconds and ${connectionsMax} connections\n`);
    return 2;
  }
  const { seed, save, json } = options;
  const report = await run(options);
  process.stdout.write(json ? asJson(report) : asTable(report));
  const { failure } = report;
  if (failure === null) return 0;
  if (save !== undefined) writeFileSync(save, asHex(failure));
  process.stderr.write(describeFailure(seed, failure, save !== undefined));
  return 1;
}

interface Options {
  readonly seconds: number;
  readonly seed: number;
  readonly connections: number;
  /** These alone, instead of as many as there is time for. */
  readonly sessions: readonly number[] | undefined;
  readonly save: string | undefined;
  readonly json: boolean;
}

function parseOptions() {
  try {
    return parseArgs({
      options: {
        seconds: { type: 'string', default: '60' },
        seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
        connections: { type: 'string', default: '32' },
        session: { type: 'string' },
        save: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    }).values;
  } catch {
    // It names an option that there is not; the usage says which there are.
    return null;
  }
}

/** null: they are not as the usage says. */
function readOptions(): Options | null {
  const values = parseOptions();
  if (values === null) return null;
  const seconds = Number(values.seconds);
  const seed = Number(values.seed);
  const connections = Number(values.connections);
  const sessions = values.session?.split(',').map(Number);
  const isCounted = [seed, connections, ...(sessions ?? [])].every(
    (number) => Number.isSafeInteger(number) && number >= 0,
  );
  const isBounded = seconds > 0 && seconds <= secondsMax && connections > 0 && connections <= connectionsMax;
  return isCounted && isBounded
    ? { seconds, seed, connections, sessions, save: values.save, json: values.json }
    : null;
}

async function run({ seed, connections, seconds, sessions: given }: Options): Promise<Report> {
  const playground = await Playground.create();
  const server = await startServer(null, ...playground.arguments);
  try {
    const { port } = server;
    // The time begins when the server serves.
    const sessions = given?.values() ?? sessionsFor(seconds);
    const report = await fuzz({ server, port, playground, seed, connections, sessions });
    if (report.failure !== null) return report;
    const exitCode = await server.stop();
    const failure = {
      problem: `the server stopped with ${exitCode ?? 'a signal'}`,
      sessions: [],
      neighbours: [],
      bytes: [],
    };
    return exitCode === 0 ? report : { ...report, failure };
  } finally {
    server.kill();
    await server.exited;
  }
}
