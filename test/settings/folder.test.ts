import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findFolder } from '#src/settings/folder.js';

test('a folder has the name that was given, or its real path where only that leads back to it', async (t) => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'pear-folder-')));
  t.after(() => {
    rmSync(root, { recursive: true });
  });
  for (const name of ['x', 'other/sub', 'other/x']) mkdirSync(join(root, name), { recursive: true });
  symlinkSync(join(root, 'other', 'sub'), join(root, 'link'));
  const named = async (name: string) => {
    const folder = await findFolder(`${root}/${name}`);
    assert.deepEqual(await findFolder(folder.name), folder, 'its name leads to it');
    return [folder.name, folder.path].map((path) => path.slice(root.length + 1));
  };
  assert.deepEqual(await named('x/../x'), ['x', 'x']);
  assert.deepEqual(await named('link'), ['link', 'other/sub']);
  assert.deepEqual(await named('link/../x'), ['other/x', 'other/x']);
});
