import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { makeShareFolder, makerOf, removeShareFolder } from '#src/cluster/sharing/share-folder.js';

test('the folder for sockets is open to its owner only, and goes with what is in it', () => {
  const folder = makeShareFolder();
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(makerOf(basename(folder)), process.pid);
  removeShareFolder(folder);
  assert.ok(!existsSync(folder));
});

test('none is made where the path of a socket would be cut', (context) => {
  const before = process.env['TMPDIR'];
  const long = mkdtempSync(join(tmpdir(), `pear-${'x'.repeat(80)}-`));
  context.after(() => {
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
    rmSync(long, { recursive: true });
  });
  process.env['TMPDIR'] = long;
  assert.throws(makeShareFolder, /too long/);
});
