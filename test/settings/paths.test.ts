import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isInside, rootsBeside } from '#src/settings/paths.js';

test('a path is inside a folder by its parts, not by its letters', () => {
  for (const path of ['/a/b', '/a/b/c', '/a/b/c.d']) assert.ok(isInside('/a/b', path), path);
  for (const path of ['/a', '/a/bc', '/a/b.c', '/', '/b']) assert.ok(!isInside('/a/b', path), path);
  assert.ok(isInside('/', '/a'));
});

test('others may be chosen beside a configured folder, unless that is a home, or lies in one or in the root', () => {
  assert.deepEqual(
    rootsBeside([
      '/srv/line/photos',
      '/photos',
      '/home/kim/photos',
      '/root/photos',
      join(homedir(), 'x'),
      '/home/kim/a/b',
      '/home/kim',
      homedir(),
    ]),
    [
      '/srv/line',
      '/photos',
      '/home/kim/photos',
      '/root/photos',
      join(homedir(), 'x'),
      '/home/kim/a',
      '/home/kim',
      homedir(),
    ],
  );
});

test('a home is one also where the way to it leads over a link', async (t) => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'pear-homes-')));
  const home = process.env['HOME'];
  t.after(async () => {
    process.env['HOME'] = home;
    await rm(folder, { recursive: true });
  });
  const real = join(folder, 'real');
  await mkdir(real);
  await symlink(real, join(folder, 'link'));
  process.env['HOME'] = join(folder, 'link');
  assert.deepEqual(rootsBeside([join(real, 'photos')]), [join(real, 'photos')]);
});
