// Downloads into a model folder that does not take them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { diskError } from '#src/downloads/disk-error.js';
import { placeFile } from '#src/downloads/place-file.js';
import { ResourceNotFoundError, describeError } from '#src/errors.js';
import { file, makeWorkplace, startHost } from './model-host.js';

const megabyte = Buffer.alloc(1024 * 1024, 'a model ');
const isRoot = process.getuid?.() === 0;

const start = async (t: TestContext) => {
  const host = await startHost(t, { '/pear.onnx': file(megabyte) });
  return { ...(await makeWorkplace(t, [host.origin])), url: `${host.origin}/pear.onnx` };
};

describe('A download into a folder', () => {
  it('that is not there, or no folder, says so and makes nothing', async (t) => {
    const { download, folder, left, url } = await start(t);
    await writeFile(join(folder, 'file'), '');
    for (const name of ['gone', 'file']) {
      await assert.rejects(download(url, { folder: join(folder, name) }), {
        name: 'ResourceNotFoundError',
        message: 'the model folder is not there',
      });
    }
    assert.deepEqual(await left(), ['file']);
  });

  it('that cannot be written says so', { skip: isRoot && 'root may write everywhere' }, async (t) => {
    const { download, folder, left, url } = await start(t);
    await chmod(folder, 0o500);
    await assert.rejects(download(url), { message: 'the server may not write to the model folder' });
    assert.deepEqual(await left(), []);
  });

  it('that takes no name so long says so', async (t) => {
    const { download, left, url } = await start(t);
    await assert.rejects(download(url, { name: `${'배'.repeat(120)}.onnx` }), {
      name: 'ResourceNotFoundError',
      message: 'the name is too long for the disk of the model folder',
    });
    assert.deepEqual(await left(), []);
  });

  it('that is full says so, and gives back what it took', async (t) => {
    const { download, folder, url, logged } = await start(t);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', folder]);
    if (mounted.status !== 0) {
      t.skip('needs to be allowed to mount a small disk');
      return;
    }
    t.after(() => spawnSync('umount', ['-l', folder]));
    await assert.rejects(download(url), {
      name: 'ResourceNotFoundError',
      message: 'there is no room left in the model folder',
    });
    assert.match(logged.at(-1) ?? '', /ENOSPC/);
    assert.deepEqual(await readdir(folder), []);
    await writeFile(join(folder, 'room'), Buffer.alloc(200 * 1024));
    spawnSync('umount', [folder]);
  });

  it('whose temporary folder goes away meanwhile fails', async (t) => {
    const host = await startHost(t, { '/pear.onnx': file(megabyte) });
    const { download, folder, left } = await makeWorkplace(t, [host.origin], {
      prove: async () => {
        for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true });
      },
    });
    await assert.rejects(download(`${host.origin}/pear.onnx`), ResourceNotFoundError);
    assert.deepEqual(await left(), []);
  });
});

describe('An error of the disk', () => {
  it('is told in words without the path, which the log gets', () => {
    const known = (code: string) => Object.assign(new Error(`${code}: '/secret/path'`), { code });
    for (const [code, message] of [
      ['ENOSPC', /no room left/],
      ['EDQUOT', /no room left/],
      ['EROFS', /may not write/],
      ['EACCES', /may not write/],
      ['EIO', /cannot be written to/],
      ['constructor', /cannot be written to/],
    ] as const) {
      const error = diskError(known(code));
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /secret/);
      assert.match(describeError(error), /secret/);
    }
  });

  it('is thrown where a file that is not there is put in place', async (t) => {
    const { folder, left } = await makeWorkplace(t, []);
    await assert.rejects(placeFile(join(folder, 'a', 'pear.onnx'), 'pear.onnx'), { code: 'ENOENT' });
    assert.deepEqual(await left(), []);
  });
});
