import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { processPlace } from '#src/running-process.js';
import { FolderLock } from '#src/settings/folder-lock.js';
import { StateFolder } from '#src/settings/state-folder.js';

const moduleUrl = new URL('../../dist/settings/folder-lock.js', import.meta.url);
const otherContainer = ['--pid', '--fork', '--kill-child', '--mount-proc'];
const mayMakeContainers = spawnSync('unshare', [...otherContainer, 'true']).status === 0;

describe('the lock of a folder', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pear-lock-'));
    path = join(folder, 'lock');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  /** As its owner left it two minutes ago. */
  function age(): void {
    const then = Date.now() / 1000 - 120;
    utimesSync(path, then, then);
  }

  const elsewhere = '1 5 00000000\n';
  assert.notEqual(processPlace, '00000000');

  /** A process in a container of its own that has the lock. */
  async function ownerElsewhere(): Promise<ChildProcess> {
    const code = `
      const { FolderLock } = await import(${JSON.stringify(moduleUrl.href)});
      await new FolderLock(${JSON.stringify(folder)}).take();
      console.log('locked');
      setInterval(() => undefined, 1000);`;
    const owner = spawn('unshare', [...otherContainer, process.execPath, '--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(owner.stdout, 'data');
    return owner;
  }

  test(
    'holds against a server in another container, whose number is here that of another process or of none',
    { skip: !mayMakeContainers && 'needs the right to make namespaces' },
    async () => {
      const owner = await ownerElsewhere();
      const lock = new FolderLock(folder);
      try {
        await assert.rejects(
          lock.take(),
          /another server has the folder .* \(process \d+ in another container/,
        );
      } finally {
        owner.kill('SIGKILL');
        await once(owner, 'exit');
      }
      await assert.rejects(lock.take(), /another server has the folder/);
      age();
      assert.equal(await lock.take(), true);
      await lock.release();
      assert.deepEqual(readdirSync(folder), []);
    },
  );

  test('of another machine is free when nobody has touched it for a minute, or the clock was set back', async () => {
    for (const minutes of [-2, 2]) {
      const lock = new FolderLock(folder);
      writeFileSync(path, elsewhere);
      await assert.rejects(lock.take(), /another server has the folder .* on another machine/);
      const then = Date.now() / 1000 + minutes * 60;
      utimesSync(path, then, then);
      assert.equal(await lock.take(), true);
      await lock.release();
    }
  });

  test('is touched by its owner as long as it lives, and stays what it is', async () => {
    const lock = new FolderLock(folder, { touchIntervalMs: 5 });
    await lock.take();
    const text = readFileSync(path, 'utf8');
    age();
    const oldMs = statSync(path).mtimeMs;
    while (statSync(path).mtimeMs === oldMs) await new Promise(setImmediate);
    assert.equal(readFileSync(path, 'utf8'), text);
    await lock.release();
  });

  test('that was written by an earlier version holds as long as its process lives', async () => {
    await new FolderLock(folder).take();
    const [pid, start] = readFileSync(path, 'utf8').split(' ');
    writeFileSync(path, `${pid} ${start}\n`);
    await assert.rejects(new FolderLock(folder).take(), /another server has the folder/);
    writeFileSync(path, `${pid} 1\n`);
    const lock = new FolderLock(folder);
    await lock.take();
    await lock.release();
  });

  test('that another server has taken is told at the next write, nothing is written, and it stays at the end', async () => {
    const state = new StateFolder(folder);
    await state.write('a.json', 'mine');
    writeFileSync(path, elsewhere);
    await assert.rejects(
      state.write('a.json', 'again'),
      /the lock of .* is lost, another server has taken it: process 1/,
    );
    await assert.rejects(state.write('a.json', 'again'), /another server has the folder/);
    await state.close();
    assert.equal(readFileSync(join(folder, 'a.json'), 'utf8'), 'mine');
    assert.equal(readFileSync(path, 'utf8'), elsewhere);
    assert.deepEqual(readdirSync(folder).sort(), ['a.json', 'lock']);
  });

  test('of another server is not removed by one that has lost it', async () => {
    const lock = new FolderLock(folder);
    await lock.take();
    writeFileSync(path, elsewhere);
    await lock.release();
    assert.equal(readFileSync(path, 'utf8'), elsewhere);
  });

  test('that somebody has removed is told once, and is taken anew with the next change', async () => {
    const lock = new FolderLock(folder);
    await lock.take();
    rmSync(path);
    await assert.rejects(lock.take(), /is lost, its file has been removed/);
    assert.equal(await lock.take(), true);
    await lock.release();
  });
});
