// Which folders for sockets go when a server starts: those of servers that are gone, and nothing else.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { removeLeftFolders } from '#src/cluster/sharing/left-folders.js';

/** Of a process that has ended. */
const gone = spawnSync(process.execPath, ['--version']).pid;
const hourMs = 3_600_000;

function temporary(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'pear-left-'));
  context.after(() => {
    rmSync(folder, { recursive: true });
  });
  return folder;
}

function folderIn(parent: string, pid: number): string {
  const folder = join(parent, `pear-share-${pid}-AbCd12`);
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

/** A socket that its process has left: it was killed while it listened. */
async function leaveSocket(path: string): Promise<void> {
  const code = `require('node:net').createServer().listen(process.argv[1], () => console.log('listening'))`;
  const process_ = spawn(process.execPath, ['-e', code, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(process_.stdout, 'data');
  process_.kill('SIGKILL');
  await once(process_, 'exit');
  assert.ok(existsSync(path));
}

describe('a folder for sockets', () => {
  test('goes where its primary is gone and nobody listens to its sockets', async (context) => {
    const parent = temporary(context);
    const folder = folderIn(parent, gone);
    await leaveSocket(join(folder, '1-abc'));
    await leaveSocket(join(folder, '2-def'));
    assert.deepEqual(await removeLeftFolders(parent), [folder]);
    assert.ok(!existsSync(folder));
  });

  test('stays where a worker still listens, whoever made it', async (context) => {
    const folder = folderIn(temporary(context), gone);
    await leaveSocket(join(folder, '1-abc'));
    const server = createServer().listen(join(folder, '2-def'));
    await once(server, 'listening');
    assert.deepEqual(await removeLeftFolders(join(folder, '..')), []);
    assert.ok(existsSync(join(folder, '1-abc')));
    server.close();
  });

  test('stays where its primary lives', async (context) => {
    const parent = temporary(context);
    await leaveSocket(join(folderIn(parent, process.pid), '1-abc'));
    assert.deepEqual(await removeLeftFolders(parent), []);
  });

  test('that is empty goes only when it is old, since servers that start may be in other containers', async (context) => {
    const parent = temporary(context);
    const folder = folderIn(parent, gone);
    assert.deepEqual(await removeLeftFolders(parent), []);
    const before = new Date(Date.now() - hourMs);
    utimesSync(folder, before, before);
    assert.deepEqual(await removeLeftFolders(parent), [folder]);
  });

  test('stays where it holds anything but sockets, is a link, or has another name', async (context) => {
    const parent = temporary(context);
    writeFileSync(join(folderIn(parent, gone), 'notes.txt'), '');
    const elsewhere = join(parent, 'elsewhere');
    mkdirSync(elsewhere);
    await leaveSocket(join(elsewhere, '1-abc'));
    symlinkSync(elsewhere, join(parent, `pear-share-${gone}-Linked`));
    for (const name of ['pear-share-AbCd12', `pear-share-${gone}-AbCd123`, `my-pear-share-${gone}-AbCd12`]) {
      mkdirSync(join(parent, name));
      await leaveSocket(join(parent, name, '1'));
    }
    assert.deepEqual(await removeLeftFolders(parent), []);
  });

  test('cannot be found where there is no folder for temporary files, which is no trouble', async () => {
    assert.deepEqual(await removeLeftFolders('/nowhere/at/all'), []);
  });
});
