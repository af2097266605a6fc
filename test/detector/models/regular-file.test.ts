import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { hashRegular, readRegular, UnreadableError } from '#src/detector/models/regular-file.js';

const folder = mkdtempSync(join(tmpdir(), 'pear-regular-'));
after(() => {
  rmSync(folder, { recursive: true });
});
const path = join(folder, 'file');
const content = Buffer.alloc(600_000, 'pear');
writeFileSync(path, content);
const never = new AbortController().signal;
const because = (reason: RegExp) => (error: unknown) =>
  error instanceof UnreadableError && reason.test(error.message);

describe('a file of somebody else', () => {
  test('is read whole, and hashed without being held', async () => {
    assert.ok(content.equals(await readRegular(path, content.length)));
    const hash = createHash('sha256').update(content).digest('hex');
    assert.equal(await hashRegular(path, content.length, never), hash);
  });

  test('is not read where it is longer than it may be', async () => {
    await assert.rejects(readRegular(path, content.length - 1), because(/600000 bytes, and 599999 are allowed/));
    await assert.rejects(hashRegular(path, content.length - 1, never), because(/599999 are allowed/));
  });

  test('holds nobody up where it is no file', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const odd of [pipe, folder, '/dev/zero', '/dev/null'])
      await assert.rejects(readRegular(odd, 100), because(/no regular file/), odd);
    await assert.rejects(readRegular(join(folder, 'missing'), 100), because(/^ENOENT$/));
  });

  test('is not hashed further when nobody waits for it any more', async () => {
    await assert.rejects(hashRegular(path, content.length, AbortSignal.abort()), because(/too long/));
  });
});
