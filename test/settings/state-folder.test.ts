import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { StateFolder } from '#src/settings/state-folder.js';

const moduleUrl = new URL('../../dist/settings/state-folder.js', import.meta.url);

describe('the folder of what is kept', () => {
  let root: string;
  let path: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'pear-state-'));
    path = join(root, 'state', 'host');
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  /** Another process that has taken the folder. */
  async function otherOwner(): Promise<ChildProcess> {
    const code = `
      const { StateFolder } = await import(${JSON.stringify(moduleUrl.href)});
      await new StateFolder(${JSON.stringify(path)}).lock();
      console.log('locked');
      setInterval(() => undefined, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(owner.stdout, 'data');
    return owner;
  }

  test('gives back what was written, for its user only, and leaves nothing beside it', async () => {
    const folder = new StateFolder(path);
    assert.equal(await folder.read('a.json'), null);
    await folder.write('a.json', 'one');
    await folder.write('a.json', 'two');
    assert.equal(await folder.read('a.json'), 'two');
    assert.deepEqual(readdirSync(path).sort(), ['a.json', 'lock']);
    assert.equal(statSync(path).mode & 0o777, 0o700);
    assert.equal(statSync(join(path, 'a.json')).mode & 0o777, 0o600);
    await folder.close();
    assert.deepEqual(readdirSync(path), ['a.json']);
  });

  test('can be read, not written, while another server has it; when that is killed it is free', async () => {
    const owner = await otherOwner();
    const folder = new StateFolder(path);
    await assert.rejects(folder.write('a.json', 'mine'), /another server has the folder .* \(process \d+\)/);
    assert.equal(await folder.read('a.json'), null);
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    await folder.write('a.json', 'mine');
    assert.equal(readFileSync(join(path, 'a.json'), 'utf8'), 'mine');
  });

  test('is free where the process that had it is not the one with its number now, or nobody knows who had it', async () => {
    for (const stale of [`${process.pid} 1\n`, '0 0\n', '', 'nonsense', `${2 ** 31 - 1} 5\n`]) {
      const folder = new StateFolder(path);
      await folder.lock();
      await folder.close();
      writeFileSync(join(path, 'lock'), stale);
      await folder.lock();
      assert.notEqual(readFileSync(join(path, 'lock'), 'utf8'), stale);
      await folder.close();
    }
    assert.deepEqual(readdirSync(path), []);
  });

  test('that cannot be made is an error that says so', async () => {
    writeFileSync(join(root, 'state'), 'a file in the way');
    await assert.rejects(new StateFolder(path).write('a.json', 'x'), /ENOTDIR|EEXIST/);
  });
});
