import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  makeTemporaryFolder,
  removeLeftFolders,
  removeTemporaryFolder,
} from '#src/settings/temporary-folder.js';

const start = async (t: TestContext) => {
  const folder = await mkdtemp(join(tmpdir(), 'pear-models-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

/** The path that a process which is killed in the middle of a download leaves. */
async function leftByKilled(folder: string): Promise<string> {
  const module = fileURLToPath(import.meta.resolve('#src/settings/temporary-folder.js'));
  const program = `
    import { makeTemporaryFolder } from ${JSON.stringify(module)};
    const path = await makeTemporaryFolder(process.argv[1]);
    process.stdout.write(path, () => process.kill(process.pid, 'SIGKILL'));
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let path = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => (path += text));
  await once(child, 'close');
  await writeFile(join(path, 'pear.onnx'), 'half a mod');
  return path;
}

describe('What a download leaves in the model folder', () => {
  it('when its server was killed is removed by the next one', async (t) => {
    const folder = await start(t);
    const path = await leftByKilled(folder);
    assert.deepEqual(await removeLeftFolders(folder), [path]);
    assert.deepEqual(await readdir(folder), []);
  });

  it('stays while it runs, in this server or in another one that lives', async (t) => {
    const folder = await start(t);
    const own = await makeTemporaryFolder(folder);
    const others = [...new Set([process.ppid, 1])].map((pid) => own.replace(/-\d+-/, `-${pid}-`));
    const foreign = own.replace(/download-[0-9a-f]{8}/, 'download-00000000');
    for (const path of [...others, foreign]) await mkdir(path);
    assert.deepEqual(await removeLeftFolders(folder), []);
    await removeTemporaryFolder(own);
    assert.equal((await readdir(folder)).length, others.length + 1);
  });

  it('on another machine goes when nobody has written to it for hours', async (t) => {
    const folder = await start(t);
    const own = await makeTemporaryFolder(folder);
    const [old, busy] = ['00000000', '00000001'].map((place) =>
      own.replace(/download-[0-9a-f]{8}/, `download-${place}`),
    );
    assert.ok(old !== undefined && busy !== undefined);
    const longAgo = new Date(Date.now() - 24 * 3_600_000);
    for (const path of [old, busy]) {
      await mkdir(path);
      await writeFile(join(path, 'pear.onnx'), 'half a mod');
      await utimes(path, longAgo, longAgo);
    }
    await utimes(join(old, 'pear.onnx'), longAgo, longAgo);
    assert.deepEqual(await removeLeftFolders(folder), [old]);
    await removeTemporaryFolder(own);
  });

  it('is told from links and from what others keep there', async (t) => {
    const [folder, elsewhere] = [await start(t), await start(t)];
    await writeFile(join(elsewhere, 'pear.onnx'), 'a model');
    const path = await leftByKilled(folder);
    const name = basename(path);
    await rm(path, { recursive: true });
    await symlink(elsewhere, path);
    const kept = ['.download-', '.download-mine', `${name}.onnx`, `x${name}`, 'pear.onnx'];
    for (const other of kept) await mkdir(join(folder, other));
    assert.deepEqual(await removeLeftFolders(folder), []);
    assert.deepEqual(await readdir(elsewhere), ['pear.onnx']);
    assert.deepEqual((await readdir(folder)).toSorted(), [...kept, name].toSorted());
  });

  it('is nothing where there is no folder', async (t) => {
    assert.deepEqual(await removeLeftFolders(join(await start(t), 'gone')), []);
  });
});
