// The real program for a test: with the defaults and what the test says, nothing of the environment of whoever runs
// the tests, and gone when the test is, however that ends.
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalServer, cleanEnvironment, type LocalServerOptions } from '#src/cli/local-server.js';

/** What a test registers its end with: its context. A suite stops its server in its own `after`. */
export interface Ending {
  after(end: () => void): void;
}

/** What servers keep, unless a test says where. */
const stateFolder = join(tmpdir(), `pear-test-state-${process.pid}`);

const running = new Set<LocalServer>();
process.on('exit', () => {
  rmSync(stateFolder, { recursive: true, force: true });
  for (const server of running) server.kill();
});
// The runner ends a file that takes too long in this way, which alone would leave its servers behind.
process.once('SIGTERM', () => process.exit(143));

/** Starts a server that serves; it is killed at the end of the test where the test has not stopped it. */
export function startServer(ending: Ending | null, ...args: string[]): Promise<LocalServer> {
  return startServerWith(ending, {}, ...args);
}

/** The same, with `env` added to its environment. */
export function startServerWith(
  ending: Ending | null,
  env: NodeJS.ProcessEnv,
  ...args: string[]
): Promise<LocalServer> {
  return start(ending, {
    args: ['--cluster.state_dir', stateFolder, ...args],
    env: { ...cleanEnvironment(), ...env },
  });
}

/** The same, through a command that becomes the server. */
export function startServerThrough(
  ending: Ending | null,
  through: readonly string[],
  ...args: string[]
): Promise<LocalServer> {
  return start(ending, {
    args: ['--cluster.state_dir', stateFolder, ...args],
    env: cleanEnvironment(),
    through,
  });
}

async function start(ending: Ending | null, options: LocalServerOptions): Promise<LocalServer> {
  const server = await LocalServer.start(options);
  running.add(server);
  void server.exited.then(() => running.delete(server));
  ending?.after(() => {
    server.kill();
  });
  return server;
}

/** Runs one that must not come to serve; resolves to how it ended. */
export function runServer(
  ...args: string[]
): Promise<{ readonly exitCode: number | null; readonly errors: string }> {
  return LocalServer.run({ args, env: cleanEnvironment() });
}
