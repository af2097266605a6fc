import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { readImageFile } from '#src/detector/images/image-file.js';
import { InvalidImageError, ResourceNotFoundError } from '#src/errors.js';
import { giveMemoryBack } from '#src/image-memory.js';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'pear-images-')));
after(() => {
  rmSync(root, { recursive: true });
});

const folder = join(root, 'images');
mkdirSync(join(folder, 'line 1'), { recursive: true });
mkdirSync(join(root, 'images-of-others'));
writeFileSync(join(folder, 'a.jpg'), 'inside');
writeFileSync(join(folder, 'line 1', 'b.jpg'), 'deeper');
writeFileSync(join(root, 'secret.jpg'), 'outside');
writeFileSync(join(root, 'images-of-others', 'c.jpg'), 'outside');
symlinkSync(join(root, 'secret.jpg'), join(folder, 'link-out.jpg'));
symlinkSync(join(folder, 'a.jpg'), join(folder, 'link-in.jpg'));
symlinkSync(join('..', 'secret.jpg'), join(folder, 'link-out-2.jpg'));
symlinkSync('nowhere.jpg', join(folder, 'link-to-nothing.jpg'));
symlinkSync('link-round.jpg', join(folder, 'link-round.jpg'));
symlinkSync(root, join(folder, 'up'));

const read = async (name: string) => Buffer.from(await readImageFile(folder, name, 100)).toString();

describe('an image by name', () => {
  for (const name of [
    'a.jpg',
    './a.jpg',
    'line 1/b.jpg',
    'line 1/../a.jpg',
    'link-in.jpg',
    join(folder, 'a.jpg'),
  ]) {
    test(`inside the folder is read: ${name.replace(root, '…')}`, async () => {
      assert.match(await read(name), /inside|deeper/);
    });
  }

  const foreign = [
    'missing.jpg',
    '../secret.jpg',
    '../images-of-others/c.jpg',
    join(root, 'secret.jpg'),
    'link-out.jpg',
    'link-out-2.jpg',
    'link-to-nothing.jpg',
    'link-round.jpg',
    'up/secret.jpg',
    'up/images/a.jpg/../../secret.jpg',
    'a.jpg\0.jpg',
    'a.jpg/x.jpg',
    '.',
    'line 1',
    `${'x'.repeat(5000)}.jpg`,
  ];
  for (const name of foreign) {
    test(`that leads out, or to no file, looks missing: ${JSON.stringify(name.replace(root, '…').slice(0, 40))}`, async () => {
      await assert.rejects(read(name), new ResourceNotFoundError('no such image'));
    });
  }

  test('that is a named pipe looks missing and holds nobody up', async () => {
    assert.equal(spawnSync('mkfifo', [join(folder, 'pipe.jpg')]).status, 0);
    await assert.rejects(read('pipe.jpg'), ResourceNotFoundError);
  });

  test('over the limit is refused without being read', async () => {
    writeFileSync(join(folder, 'large.jpg'), 'x'.repeat(101));
    await assert.rejects(read('large.jpg'), InvalidImageError);
  });

  test('lies in memory that serves again once it was given back, and shows nothing of what lay there', async () => {
    const contents = ['a', 'b', 'c'].map((letter, index) => letter.repeat((300 - index) * 1024));
    const memory = new Set<ArrayBufferLike>();
    for (const content of contents) {
      writeFileSync(join(folder, 'photo.jpg'), content);
      const bytes = await readImageFile(folder, 'photo.jpg', 1024 * 1024);
      assert.ok(Buffer.from(bytes).equals(Buffer.from(content)));
      memory.add(bytes.buffer);
      giveMemoryBack(bytes);
    }
    assert.equal(memory.size, 1);
  });
});
