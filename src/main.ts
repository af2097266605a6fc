// Reads the configuration, then runs as the primary or as one of its workers.
import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import { runPrimary } from './cluster/primary.js';
import { runWorker } from './cluster/worker.js';
import { ConfigLoader } from './config/loader.js';
import { unknownOption } from './config/mistakes.js';
import { ConfigError, StartupError } from './errors.js';

/** EX_CONFIG of sysexits.h: process managers need not try again. */
const wrongConfiguration = 78;

if (cluster.isWorker) await runWorker();
else await main();

async function main(): Promise<void> {
  try {
    const loaded = ConfigLoader.load({ argv: process.argv.slice(2), env: process.env, cwd: process.cwd() });
    if (loaded.rest.length > 0) throw new ConfigError(loaded.rest.map(unknownOption));
    const inOrder = await runPrimary(loaded, fileURLToPath(import.meta.url));
    process.exit(inOrder ? 0 : 1);
  } catch (error) {
    if (error instanceof ConfigError)
      fail(['the configuration has mistakes:', ...error.problems], wrongConfiguration);
    if (error instanceof StartupError) fail([`cannot start: ${error.message}; ${error.cure}`]);
    throw error;
  }
}

function fail(lines: readonly string[], exitCode = 1): never {
  process.stderr.write(`${lines.join('\n  ')}\n`);
  process.exit(exitCode);
}
