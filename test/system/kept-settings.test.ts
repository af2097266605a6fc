// What clients have changed outlives the server.
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, rmSync, watch, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { ChangeableServer, first, second } from '../support/changeable-server.js';
import { change, changed, models } from '../support/model-changes.js';
import { killAll, workerPids } from '../support/processes.js';
import { request } from '../support/replies.js';
import { Wire } from '../support/wire.js';

describe('what was changed', () => {
  test('is what a server begins with after its primary was killed, until the configuration says something else', async (t) => {
    const place = new ChangeableServer(t);
    const server = await place.start(t);
    const pids = await workerPids(server.port);
    await Wire.use(server.port, async (wire) => {
      assert.equal(await change(wire, second), changed(second));
    });
    server.kill();
    await server.exited;
    killAll(pids);

    const again = await place.start(t);
    assert.deepEqual(await models(again.port), [second]);
    assert.equal(await again.stop(), 0);

    rmSync(join(place.models, second));
    const missing = await place.start(t);
    await missing.line(
      ({ msg }) => msg === 'the model that served last is not there any more; the configured one serves',
    );
    assert.deepEqual(await models(missing.port), [first]);
    assert.equal(await missing.stop(), 0);

    writeFileSync(join(place.models, second), 'no model');
    const refusedModel = await place.start(t);
    await refusedModel.line(({ msg }) => msg.startsWith('the model that served last cannot serve any more'));
    assert.deepEqual(await models(refusedModel.port), [first]);
    assert.equal(await refusedModel.stop(), 0);

    writeFileSync(place.settingsFile, '{"version": 1');
    const damaged = await place.start(t);
    await damaged.line(({ msg }) =>
      msg.startsWith('settings.json, which keeps what clients have changed, cannot be used'),
    );
    assert.deepEqual(await models(damaged.port), [first]);
    assert.equal(await damaged.stop(), 0);

    place.add(second, `models/${second}`);
    const chosen = await place.start(t);
    await Wire.use(chosen.port, async (wire) => {
      assert.equal(await change(wire, second), changed(second));
    });
    assert.equal(await chosen.stop(), 0);
    const elsewhere = join(place.root, 'elsewhere');
    mkdirSync(elsewhere);
    for (const name of [first, 'pear-starter-int8.yaml'])
      linkSync(join(place.models, name), join(elsewhere, name));
    const told = await place.start(t, '--model.model_path', join(elsewhere, first));
    await told.line(({ msg }) => msg.startsWith('the configuration names another model.model_path'));
    assert.deepEqual(await models(told.port), [first]);
    assert.equal(await told.stop(), 0);
    const back = await place.start(t);
    assert.deepEqual(await models(back.port), [first], 'what was overruled once is forgotten');
    assert.equal(await back.stop(), 0);
  });

  test('is decided by its file: a primary that is killed as that is written leaves one truth', async (t) => {
    const place = new ChangeableServer(t);
    mkdirSync(dirname(place.settingsFile), { recursive: true, mode: 0o700 });
    const served: string[] = [];
    for (const wanted of [second, first]) {
      const server = await place.start(t);
      const pids = await workerPids(server.port);
      const wire = await Wire.open(server.port);
      const watching = watch(dirname(place.settingsFile), (_, name) => {
        // The second time, before the new file has its name; else behind that.
        if (name === basename(place.settingsFile) || wanted === first) server.kill();
      });
      wire.send(request(0x26, [wanted]));
      await server.exited;
      watching.close();
      wire.close();
      killAll(pids);
      const again = await place.start(t);
      const kept = basename(place.kept().model);
      assert.deepEqual(await models(again.port), [kept]);
      served.push(kept);
      assert.equal(await again.stop(), 0);
    }
    assert.equal(served[0], second, 'what has its name is decided');
  });
});
