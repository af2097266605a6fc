// Lines of the log: whatever stands in them, the terminal that shows them does not obey it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { z } from 'zod';

const hostile = 'a\x1b[2J\x9b2J\u202e\r\b\x7fb';
const shown = 'a\\u001b[2J\\u009b2J\\u202e\\r\\b\\u007fb';

/** Has a process of its own log `hostile` everywhere in a line; gives what it writes. */
async function logged(format: 'json' | 'pretty', file: string | null): Promise<string> {
  const options = JSON.stringify({ level: 'info', format, file });
  const script = `
    const { createLogger } = await import(${JSON.stringify(import.meta.resolve('#src/log.js'))});
    const text = ${JSON.stringify(hostile)};
    createLogger(${options}, {}).warn({ origin: text, names: [text], err: new Error(text) }, text);`;
  const args = ['--input-type=module', '-e', script];
  return (await promisify(execFile)(process.execPath, args, { timeout: 60_000 })).stdout;
}

test('for people they show control characters as JSON writes them', async () => {
  const text = await logged('pretty', null);
  assert.ok(text.includes(`WARN: ${shown}`), text);
  assert.ok(text.includes(`origin: "${shown}"`), text);
  // But for the ends of lines, as in the stack of an error.
  assert.doesNotMatch(text.replaceAll('\n', ''), /[\p{Cc}\p{Bidi_Control}]/u);
});

test('as JSON, also in a file, they mean what was said', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'pear-log-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'server.log');
  const line = await logged('json', file);
  assert.equal(await readFile(file, 'utf8'), line);
  assert.doesNotMatch(line.trimEnd(), /[\p{Cc}\p{Bidi_Control}]/u);
  const read = z.object({ origin: z.string(), msg: z.string() }).parse(JSON.parse(line));
  assert.deepEqual(read, { origin: hostile, msg: hostile });
});
