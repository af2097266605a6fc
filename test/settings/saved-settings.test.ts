import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { pino } from 'pino';
import { SavedSettings } from '#src/settings/saved-settings.js';
import type { Settings } from '#src/settings/settings.js';
import { StateFolder } from '#src/settings/state-folder.js';

describe('settings that are kept', () => {
  let root: string;
  let configured: Settings;
  let logged: string[];
  const told = { model_path: 'models/a.onnx', img_path: 'images' };

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'pear-saved-')));
    for (const name of ['models', 'images', 'other']) mkdirSync(join(root, name));
    for (const name of ['models/a.onnx', 'other/b.onnx']) writeFileSync(join(root, name), '');
    const folder = (name: string) => ({ name: join(root, name), path: join(root, name) });
    configured = {
      version: 0,
      modelPath: told.model_path,
      fingerprint: null,
      images: folder('images'),
      models: folder('models'),
    };
    logged = [];
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  const savedBy = (configuration = told) =>
    new SavedSettings(new StateFolder(join(root, 'state')), configuration);
  const load = (saved: SavedSettings, roots = [root]) =>
    saved.load(configured, roots, pino({ level: 'warn' }, { write: (line) => void logged.push(line) }));
  const changed = (): Settings => {
    const other = { name: join(root, 'other'), path: join(root, 'other') };
    return {
      version: 5,
      modelPath: join(root, 'other/b.onnx'),
      fingerprint: 'f',
      images: other,
      models: other,
    };
  };

  test('are what a server begins with', async () => {
    assert.deepEqual(await load(savedBy()), configured);
    await savedBy().save(changed());
    assert.deepEqual(await load(savedBy()), { ...changed(), fingerprint: null });
    assert.deepEqual(logged, []);
  });

  test('of a host that has another name now are not found, which the log says', async () => {
    const under = (name: string) => new SavedSettings(new StateFolder(join(root, 'state', name)), told);
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) });
    await under('old').save(changed());
    await under('old').load(configured, [root], log);
    assert.deepEqual(lines, []);
    assert.deepEqual(await under('new').load(configured, [root], log), configured);
    assert.match(
      lines.join(''),
      /keeps what was chosen on old, and nothing of this host.*set cluster\.host_id/,
    );
  });

  test('give way to a configuration that has been changed since, each for itself', async () => {
    await savedBy().save(changed());
    const newImages = await load(savedBy({ ...told, img_path: 'photos' }));
    assert.deepEqual(newImages, { ...changed(), fingerprint: null, images: configured.images });
    assert.deepEqual(await load(savedBy({ ...told, img_path: 'photos' })), newImages);
    const back = await load(savedBy());
    assert.deepEqual(back.images, configured.images, 'what was overruled once is forgotten');
    await savedBy().save(changed());
    const newModel = await load(savedBy({ ...told, model_path: 'models/c.onnx' }));
    assert.deepEqual(newModel, { ...configured, version: 5, images: changed().images });
    assert.match(logged.join(''), /another model\.img_path.*another model\.model_path/s);
  });

  test('count as far as they hold: what has gone, or may not be used any more, is as configured', async () => {
    await savedBy().save(changed());
    rmSync(join(root, 'other/b.onnx'));
    assert.deepEqual(await load(savedBy()), { ...changed(), fingerprint: null, modelPath: told.model_path });
    const elsewhere = await load(savedBy(), [join(root, 'models'), join(root, 'images')]);
    assert.deepEqual(elsewhere, { ...configured, version: 5 });
    assert.match(logged.join(''), /the model that served last is not there any more/);
    assert.match(logged.join(''), /the image folder that was chosen last cannot be used any more/);
  });

  test('are left alone, with a line in the log, where they are damaged', async () => {
    for (const text of ['', '{', '[]', '{"version": 1}', '{"version": -1}', '\u0000']) {
      const state = new StateFolder(join(root, 'state'));
      await state.write('settings.json', text);
      logged = [];
      assert.deepEqual(await load(savedBy()), configured);
      assert.match(logged.join(''), /settings\.json, which keeps what clients have changed, cannot be used/);
    }
  });
});
