import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { isInside, rootsBeside } from '#src/settings/paths.js';

test('a path is inside a folder by its parts, not by its letters', () => {
  for (const path of ['/a/b', '/a/b/c', '/a/b/c.d']) assert.ok(isInside('/a/b', path), path);
  for (const path of ['/a', '/a/bc', '/a/b.c', '/', '/b']) assert.ok(!isInside('/a/b', path), path);
  assert.ok(isInside('/', '/a'));
});

test('others may be chosen beside a configured folder, unless that is a home, or lies in one or in the root', async () => {
  assert.deepEqual(
    await rootsBeside([
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

/** What of these folders is open to clients where the environment names `home` as the user's. */
async function rootsWithHome(t: TestContext, home: string, folders: readonly string[]) {
  const before = process.env['HOME'];
  t.after(() => {
    if (before === undefined) delete process.env['HOME'];
    else process.env['HOME'] = before;
  });
  process.env['HOME'] = home;
  return rootsBeside(folders);
}

test('a home is one also where the way to it leads over a link', async (t) => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'pear-homes-')));
  t.after(() => rm(folder, { recursive: true }));
  const real = join(folder, 'real');
  await mkdir(real);
  await symlink(real, join(folder, 'link'));
  const photos = [join(real, 'photos')];
  assert.deepEqual(await rootsWithHome(t, join(folder, 'link'), photos), photos);
});

test('a home that is none by its name closes nothing', async (t) => {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'pear-homes-')));
  const before = process.cwd();
  t.after(async () => {
    process.chdir(before);
    await rm(folder, { recursive: true });
  });
  process.chdir(folder);
  for (const none of ['', '.'])
    assert.deepEqual(await rootsWithHome(t, none, [join(folder, 'photos')]), [folder], none);
});

test(
  'a user without a home may run the server',
  { skip: process.getuid?.() !== 0 && 'needs root' },
  async () => {
    const module = import.meta.resolve('#src/settings/paths.js');
    const program = `
    const { rootsBeside } = await import(${JSON.stringify(module)});
    process.setuid(54321);
    delete process.env.HOME;
    process.stdout.write(JSON.stringify(await rootsBeside(['/srv/line/photos'])));
  `;
    const node = process.execPath;
    const { stdout } = await promisify(execFile)(node, ['--input-type=module', '--eval', program]);
    assert.equal(stdout, '["/srv/line"]');
  },
);
