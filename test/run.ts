// Runs the tests with Node's own runner. Arguments pick files by a part of their path: `npm test -- protocol`.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
/** No test takes a quarter of this, on a busy machine either. */
const timeoutMs = 240_000;

/** Servers that start and tests that wait leave a core to others. */
const filesAtOnce = Math.max(2, availableParallelism() - 1);

const wanted = process.argv.slice(2);

const files = readdirSync(here, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .map((file) => relative(process.cwd(), join(here, file)))
  .sort();

if (files.length === 0) {
  process.stderr.write(`no test file matches ${wanted.join(' ')}\n`);
  process.exit(1);
}
const { status } = spawnSync(
  process.execPath,
  [
    '--test',
    '--test-reporter=spec',
    `--test-timeout=${timeoutMs}`,
    `--test-concurrency=${filesAtOnce}`,
    ...files,
  ],
  {
    stdio: 'inherit',
  },
);
process.exit(status ?? 1);
