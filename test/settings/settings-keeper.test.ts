import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { pino } from 'pino';
import { ModelRefusedError } from '#src/errors.js';
import type { Follower } from '#src/settings/change-round.js';
import { eventually } from '../support/deadline.js';
import { holdFolders } from '../support/held-disk.js';
import { SettingsKeeper, type KeeperOptions } from '#src/settings/settings-keeper.js';
import type { Settings } from '#src/settings/settings.js';

const log = pino({ level: 'silent' });

describe('the keeper of settings', () => {
  let root: string;
  let initial: Settings;
  let saved: Settings[];
  let events: string[];

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'pear-keeper-')));
    for (const name of ['models', 'images', 'other']) mkdirSync(join(root, name));
    for (const name of ['a.onnx', 'b.onnx']) writeFileSync(join(root, 'models', name), name);
    const folder = (name: string) => ({ name, path: join(root, name) });
    initial = {
      version: 3,
      modelPath: join(root, 'models', 'a.onnx'),
      fingerprint: 'of a.onnx',
      images: folder('images'),
      models: folder('models'),
    };
    saved = [];
    events = [];
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  function keeperWith(options: Partial<KeeperOptions> = {}): SettingsKeeper {
    return new SettingsKeeper({
      settings: initial,
      saved: {
        assertWritable: () => Promise.resolve(),
        save: (settings) => {
          saved.push(settings);
          events.push('saved');
          return Promise.resolve();
        },
      },
      prove: (path) => {
        const name = path.split('/').at(-1) ?? '';
        return Promise.resolve({ name, sha256: 's', fingerprint: `of ${name}`, classes: [], readAs: [] });
      },
      download: () => Promise.resolve(),
      roots: [root],
      alsoNeeded: [],
      isStopping: () => false,
      changeTimeoutMs: 60_000,
      commitTimeoutMs: 60_000,
      loadTimeoutMs: 60_000,
      answerTimeoutMs: 60_000,
      onUndecided: () => events.push('undecided'),
      onChanged: () => events.push('changed'),
      log,
      ...options,
    });
  }

  /** A worker that does what it is told; `says`: in place of its answer to `prepare`. */
  async function admit(keeper: SettingsKeeper, id: string, says: string | null = null, version = 3) {
    const follower: Follower = {
      prepare: (round, settings) => {
        events.push(`${id} prepare ${settings.version}`);
        if (says !== 'silent') keeper.followers.prepared(id, round, says);
      },
      commit: (round) => {
        events.push(`${id} commit`);
        keeper.followers.committed(id, round);
      },
      abort: () => events.push(`${id} abort`),
      kill: () => {
        events.push(`${id} kill`);
        keeper.followers.remove(id);
      },
    };
    return keeper.followers.admit(id, follower, { version, fingerprint: 'of a.onnx' });
  }

  const model = { what: 'model', name: 'b.onnx' } as const;

  test('decides by what is kept: all prepare before it, all commit after it, and then the client hears of it', async () => {
    const keeper = keeperWith();
    await admit(keeper, 'one');
    await admit(keeper, 'two');
    assert.deepEqual(await keeper.change(model, 'me'), { ok: true });
    assert.deepEqual(events, [
      ...['one prepare 4', 'two prepare 4', 'saved', 'one commit', 'two commit', 'changed'],
    ]);
    assert.equal(keeper.current.modelPath, join(root, 'models', 'b.onnx'));
    assert.deepEqual(saved, [keeper.current]);
  });

  test('has everybody give up what one worker cannot prepare', async () => {
    const keeper = keeperWith();
    await admit(keeper, 'one');
    await admit(keeper, 'two', 'no memory');
    const answer = await keeper.change(model, 'me');
    assert.deepEqual(answer, { ok: false, code: 2, message: 'the model could not be loaded' });
    assert.deepEqual(events.slice(-2), ['one abort', 'two abort']);
    assert.equal(keeper.current, initial);
  });

  test('answers code 4 where a worker does not answer in time, and the next change is made', async () => {
    const keeper = keeperWith({ changeTimeoutMs: 1000 });
    await admit(keeper, 'one', 'silent');
    const answer = await keeper.change(model, 'me');
    assert.equal(answer.ok || answer.code, 4);
    keeper.followers.remove('one');
    assert.deepEqual(await keeper.change(model, 'me'), { ok: true });
  });

  test('ends a worker that is stuck in a change that was given up, and makes the next one', async () => {
    const keeper = keeperWith({ changeTimeoutMs: 1000, commitTimeoutMs: 20 });
    await admit(keeper, 'one');
    await admit(keeper, 'two', 'silent');
    const answer = await keeper.change(model, 'me');
    assert.equal(answer.ok || answer.code, 4);
    await eventually('it is ended', () => (events.includes('two kill') ? true : null));
    assert.deepEqual(await keeper.change(model, 'me'), { ok: true });
    assert.equal(events.includes('one kill'), false);
  });

  const hangs = () => new Promise<never>(() => undefined);
  const inTime = { timeout: 30_000 };

  test(
    'answers code 4 where a step before the decision hangs, and makes the next change',
    inTime,
    async () => {
      let isHanging = true;
      const saved = {
        assertWritable: () => (isHanging ? hangs() : Promise.resolve()),
        save: () => Promise.resolve(),
      };
      const keeper = keeperWith({ changeTimeoutMs: 1000, saved });
      await admit(keeper, 'one');
      const answer = await keeper.change(model, 'me');
      assert.equal(answer.ok || answer.code, 4);
      isHanging = false;
      assert.deepEqual(await keeper.change(model, 'me'), { ok: true });
    },
  );

  test(
    'answers everybody in time while a write hangs, and changes nothing before it is done',
    inTime,
    async () => {
      const keeper = keeperWith({ changeTimeoutMs: 1000 });
      await admit(keeper, 'one');
      let onPlaced: () => void = () => undefined;
      const placing = keeper.place(
        join(root, 'models', 'c.onnx'),
        () => new Promise((resolve) => (onPlaced = resolve)),
      );
      const waiting = [keeper.change(model, 'me'), keeper.change(model, 'you')];
      await assert.rejects(placing, /it may still be done/);
      for (const answer of await Promise.all(waiting)) assert.equal(answer.ok || answer.code, 4);
      assert.deepEqual(events, []);
      onPlaced();
      assert.deepEqual(await keeper.change(model, 'me'), { ok: true });
    },
  );

  test('says so where keeping hangs: nobody knows whether it is decided', inTime, async () => {
    const saved = { assertWritable: () => Promise.resolve(), save: hangs };
    const keeper = keeperWith({ changeTimeoutMs: 1000, saved });
    await admit(keeper, 'one');
    void keeper.change(model, 'me');
    const waiting = keeper.change(model, 'you');
    await eventually('it is told', () => (events.includes('undecided') ? true : null));
    const answer = await waiting;
    assert.equal(answer.ok || answer.code, 4);
    assert.equal(events.includes('one commit') || events.includes('one abort'), false);
  });

  for (const failing of ['assertWritable', 'save'] as const) {
    test(`answers code 9 and changes nothing where it cannot be kept (${failing})`, async () => {
      const works = () => Promise.resolve();
      const fails = () => Promise.reject(new Error('read-only file system'));
      const keeper = keeperWith({ saved: { assertWritable: works, save: works, [failing]: fails } });
      await admit(keeper, 'one');
      const answer = await keeper.change(model, 'me');
      assert.equal(answer.ok || answer.code, 9);
      assert.equal(keeper.current, initial);
      assert.equal(events.includes('one commit'), false);
    });
  }

  test('says code 2 of a model that is not there or is refused, and code 1 of one in use that is to be deleted', async () => {
    const keeper = keeperWith({
      prove: () => Promise.reject(new ModelRefusedError('it crashed', 'export it again')),
    });
    const codes = [];
    for (const change of [
      { what: 'model', name: 'missing.onnx' },
      { what: 'model', name: 'b.onnx' },
      { what: 'delete model', name: 'missing.onnx' },
      { what: 'delete model', name: 'a.onnx' },
      { what: 'image folder', name: join(root, 'missing') },
      { what: 'model folder', name: '/' },
    ] as const) {
      const answer = await keeper.change(change, 'me');
      codes.push(answer.ok || answer.code);
    }
    assert.deepEqual(codes, [2, 2, 2, 1, 2, 2]);
    assert.deepEqual(events, []);
  });

  test('does not delete a model that serves beside the one that is changed', async () => {
    const keeper = keeperWith({ alsoNeeded: [join(root, 'models', 'b.onnx')] });
    const answer = await keeper.change({ what: 'delete model', name: 'b.pt' }, 'me');
    assert.equal(answer.ok || answer.code, 1);
  });

  test('makes changes one at a time, in the order in which they came', async () => {
    const keeper = keeperWith();
    await admit(keeper, 'one');
    const other = join(root, 'other');
    await Promise.all([
      keeper.change(model, 'me'),
      keeper.change({ what: 'image folder', name: other }, 'you'),
      keeper.change({ what: 'model folder', name: other }, 'me'),
    ]);
    assert.deepEqual(
      saved.map(({ version, modelPath, images, models }) => [version, modelPath, images.path, models.path]),
      [
        [4, join(root, 'models/b.onnx'), initial.images.path, initial.models.path],
        [5, join(root, 'models/b.onnx'), other, initial.models.path],
        [6, join(root, 'models/b.onnx'), other, other],
      ],
    );
  });

  test('lets a worker that comes while others prepare serve at once, and has it take part', async () => {
    const keeper = keeperWith();
    await admit(keeper, 'one', 'silent');
    const changing = keeper.change(model, 'me');
    await eventually('one prepares', () => (events.includes('one prepare 4') ? true : null));
    assert.equal(await admit(keeper, 'two'), true);
    keeper.followers.prepared('one', 1, null);
    assert.equal(events.at(-1), 'two prepare 4', 'one after the other');
    assert.deepEqual(await changing, { ok: true });
    assert.deepEqual(events.slice(-4), ['saved', 'one commit', 'two commit', 'changed']);
  });

  test('waits for no worker that has ended while it waited itself', async () => {
    let onSaved: () => void = () => undefined;
    const keeper = keeperWith({
      saved: {
        assertWritable: () => Promise.resolve(),
        save: () => new Promise((resolve) => (onSaved = resolve)),
      },
    });
    await admit(keeper, 'one');
    const changing = keeper.change(model, 'me');
    await eventually('one prepares', () => (events.includes('one prepare 4') ? true : null));
    await new Promise(setImmediate);
    const admitted = admit(keeper, 'two');
    keeper.followers.remove('two');
    onSaved();
    assert.deepEqual(await changing, { ok: true });
    assert.equal(await admitted, false);
    const again = keeper.change({ what: 'model', name: 'a.onnx' }, 'me');
    await eventually('one prepares anew', () => (events.includes('one prepare 5') ? true : null));
    await new Promise(setImmediate);
    onSaved();
    assert.deepEqual(await again, { ok: true });
    assert.equal(events.filter((event) => event.startsWith('two')).length, 0);
  });

  test('has a worker that comes during a change catch up before it serves', async () => {
    const keeper = keeperWith();
    await admit(keeper, 'one');
    assert.deepEqual(await keeper.change(model, 'me'), { ok: true });
    assert.equal(await admit(keeper, 'two'), true);
    assert.deepEqual(events.slice(-2), ['two prepare 4', 'two commit']);
  });

  test('lets a worker serve that comes with what is decided, while others still answer what was asked before', async () => {
    const keeper = keeperWith();
    let answered: () => void = () => assert.fail('it was not told to commit');
    const busy: Follower = {
      prepare: (round) => {
        keeper.followers.prepared('busy', round, null);
      },
      commit: (round) => {
        keeper.followers.switched('busy', round);
        answered = () => {
          keeper.followers.committed('busy', round);
        };
        events.push('busy commit');
      },
      abort: () => undefined,
      kill: () => events.push('busy kill'),
    };
    await keeper.followers.admit('busy', busy, { version: 3, fingerprint: 'of a.onnx' });
    const changing = keeper.change(model, 'me');
    await eventually('it commits', () => (events.includes('busy commit') ? true : null));
    const arrival = { version: 4, fingerprint: 'of b.onnx' };
    assert.equal(await keeper.followers.admit('new', busy, arrival), true);
    assert.equal(events.includes('changed'), false);
    answered();
    assert.deepEqual(await changing, { ok: true });
  });

  test('ends a worker that cannot catch up', async () => {
    const keeper = keeperWith();
    assert.deepEqual(await keeper.change(model, 'me'), { ok: true });
    assert.equal(await admit(keeper, 'one', 'no memory'), false);
    assert.deepEqual(events.slice(-1), ['one kill']);
  });

  test('lets no worker serve by another file than the others', async () => {
    initial = { ...initial, fingerprint: null };
    const keeper = keeperWith();
    assert.equal(await admit(keeper, 'one'), true);
    assert.equal(keeper.current.fingerprint, 'of a.onnx');
    const killed: string[] = [];
    const nothing = () => undefined;
    const follower = { prepare: nothing, commit: nothing, abort: nothing, kill: () => killed.push('two') };
    const other = { version: 3, fingerprint: 'of other bytes' };
    assert.equal(await keeper.followers.admit('two', follower, other), false);
    assert.deepEqual(killed, ['two']);
  });

  test('begins no change once the server stops', async () => {
    const keeper = keeperWith({ isStopping: () => true });
    const answer = await keeper.change(model, 'me');
    assert.equal(answer.ok || answer.code, 6);
  });

  test('says nothing of a model that could not be tried or loaded because the server stops', async () => {
    let isStopping = false;
    const stops = { isStopping: () => isStopping };
    const refused = new ModelRefusedError('it was not tried to the end', 'try again');
    const prove = () => {
      isStopping = true;
      return Promise.reject(refused);
    };
    const tried = await keeperWith({ ...stops, prove }).change(model, 'me');
    assert.equal(tried.ok || tried.code, 6);

    isStopping = false;
    const keeper = keeperWith(stops);
    await admit(keeper, 'one', 'silent');
    const loading = keeper.change(model, 'me');
    await eventually('it loads', () => events.includes('one prepare 4'));
    isStopping = true;
    keeper.followers.remove('one');
    const loaded = await loading;
    assert.equal(loaded.ok || loaded.code, 6);
  });

  test('deletes no model that a worker may be loading: one that comes, or that has not heard yet of being given up', async () => {
    const keeper = keeperWith();
    const remove = async (keeper: SettingsKeeper, name: string) => {
      const answer = await keeper.change({ what: 'delete model', name }, 'me');
      return answer.ok || answer.code;
    };
    await admit(keeper, 'one');
    keeper.followers.expect('two', keeper.current);
    assert.deepEqual(await keeper.change(model, 'me'), { ok: true });
    assert.equal(await remove(keeper, 'a.onnx'), 1);
    keeper.followers.remove('two');
    assert.equal(await remove(keeper, 'a.onnx'), true);

    writeFileSync(join(root, 'models', 'a.onnx'), 'a.onnx');
    const late = keeperWith({ changeTimeoutMs: 1000 });
    await admit(late, 'three', 'silent');
    const answer = await late.change(model, 'me');
    assert.equal(answer.ok || answer.code, 4);
    assert.equal(await remove(late, 'b.onnx'), 1);
    late.followers.remove('three');
    await eventually('nobody loads it', async () => (await remove(late, 'b.onnx')) === true);
  });

  test('places no download over a model in use', async () => {
    const keeper = keeperWith();
    const placed: string[] = [];
    const put = (name: string) =>
      keeper.place(join(root, 'models', name), () => {
        placed.push(name);
        return Promise.resolve();
      });
    await assert.rejects(put('a.onnx'), /a\.onnx is in use and cannot be replaced/);
    await put('c.onnx');
    assert.deepEqual(placed, ['c.onnx']);
  });

  describe('recovers where no worker is left', () => {
    const found = (settings: Settings): Settings => ({ ...settings, fingerprint: 'of what was found' });
    const worker = () => ({
      prepare: () => undefined,
      commit: () => undefined,
      abort: () => undefined,
      kill: () => undefined,
    });

    test('with what was found', async () => {
      const keeper = keeperWith();
      await keeper.recover((settings) => Promise.resolve(found(settings)));
      assert.equal(keeper.current.fingerprint, 'of what was found');
    });

    test('but with what was decided, where a worker that was late has loaded it meanwhile', async () => {
      const keeper = keeperWith();
      await keeper.recover(async (settings) => {
        const arrival = { version: settings.version, fingerprint: 'of a.onnx' };
        assert.equal(await keeper.followers.admit('late', worker(), arrival), true);
        return found(settings);
      });
      assert.equal(keeper.current.fingerprint, 'of a.onnx');
    });
  });

  test('answers at once while reads of two changes hang, and makes changes again when they do not', async (t) => {
    const keeper = keeperWith({ changeTimeoutMs: 300 });
    const release = holdFolders(t);
    const codes: (number | null)[] = [];
    const folder = { what: 'image folder', name: join(root, 'other') } as const;
    for (const change of [model, model, model, folder]) {
      const answer = await keeper.change(change, 'me');
      codes.push(answer.ok ? null : answer.code);
    }
    assert.deepEqual(codes, [4, 4, 6, null], 'a folder on another disk may still be chosen');
    release();
    await eventually('a change', async () => ((await keeper.change(model, 'me')).ok ? true : null));
  });
});
