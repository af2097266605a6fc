import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { deleteModel, findModel, listModels } from '#src/settings/model-files.js';

const korean = '배.onnx';

describe('the models of a folder', () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'pear-models-')));
  const folder = join(root, 'models');
  before(() => {
    mkdirSync(join(folder, 'below'), { recursive: true });
    mkdirSync(join(folder, 'folder.onnx'));
    for (const name of [
      'b.onnx',
      'a (1).onnx',
      '.hidden.onnx',
      'notes.txt',
      'a.yaml',
      'a.onnx',
      'below/c.onnx',
    ])
      writeFileSync(join(folder, name), '');
    writeFileSync(join(folder, korean.normalize('NFD')), '');
    writeFileSync(join(root, 'outside.onnx'), '');
    symlinkSync('../outside.onnx', join(folder, 'out.onnx'));
    symlinkSync('below/c.onnx', join(folder, 'in.onnx'));
    symlinkSync('nowhere', join(folder, 'broken.onnx'));
  });
  after(() => {
    rmSync(root, { recursive: true });
  });

  test('are its files with names that clients may use, and links that stay inside', async () => {
    assert.deepEqual(await listModels(folder), ['a (1).onnx', 'a.onnx', 'b.onnx', 'in.onnx', korean]);
    assert.deepEqual(await listModels(join(root, 'gone')), []);
  });

  test('are found by the name that a client writes, composed or not, as .pt too', async () => {
    const found = async (name: string) => (await findModel(folder, name))?.name ?? null;
    assert.equal(await found('a.pth'), 'a.onnx');
    assert.equal(await found(korean), korean.normalize('NFD'));
    for (const name of [
      'out.onnx',
      'broken.onnx',
      'folder.onnx',
      'A.onnx',
      '../outside.onnx',
      'below/c.onnx',
    ])
      assert.equal(await found(name), null, name);
    assert.equal((await findModel(folder, 'in.onnx'))?.path, join(folder, 'below/c.onnx'));
  });

  test('are deleted with what describes them; of a link only the link', async () => {
    for (const name of ['a.onnx', 'in.onnx']) {
      const file = await findModel(folder, name);
      assert.ok(file !== null);
      await deleteModel(folder, file);
    }
    assert.deepEqual(
      ['a.onnx', 'a.yaml', 'in.onnx'].filter((name) => readdirSync(folder).includes(name)),
      [],
    );
    assert.deepEqual(readdirSync(join(folder, 'below')), ['c.onnx']);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('.')),
      ['.hidden.onnx'],
    );
  });

  test('can be deleted from a disk that has no room for anything new', async (t) => {
    const full = join(root, 'full');
    mkdirSync(full);
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'nr_inodes=3', 'tmpfs', full]);
    if (mounted.status !== 0) {
      t.skip('needs to be allowed to mount a small disk');
      return;
    }
    t.after(() => spawnSync('umount', ['-l', full]));
    for (const name of ['old.onnx', 'old.yaml']) writeFileSync(join(full, name), '');
    assert.throws(() => {
      mkdirSync(join(full, 'another'));
    }, /ENOSPC/);
    await deleteModel(full, { name: 'old.onnx', path: join(full, 'old.onnx') });
    assert.deepEqual(readdirSync(full), []);
  });

  test('is as it was where the model cannot be moved: it keeps what describes it', async () => {
    writeFileSync(join(folder, 'gone.yaml'), 'text');
    const before = readdirSync(folder);
    await assert.rejects(deleteModel(folder, { name: 'gone.onnx', path: join(folder, 'gone.onnx') }));
    assert.deepEqual(readdirSync(folder), before);
  });

  test('is as it was where what describes a model cannot be removed', async () => {
    writeFileSync(join(folder, 'kept.onnx'), 'model');
    mkdirSync(join(folder, 'kept.yaml'));
    const file = await findModel(folder, 'kept.onnx');
    assert.ok(file !== null);
    const before = readdirSync(folder);
    await assert.rejects(deleteModel(folder, file));
    assert.deepEqual(readdirSync(folder), before);
  });
});
