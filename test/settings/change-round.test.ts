import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { settlesIn } from '#src/in-time.js';
import { ChangeRound, timedOut, type Follower } from '#src/settings/change-round.js';
import type { Settings } from '#src/settings/settings.js';

const folder = { name: 'f', path: '/f' };
const settings: Settings = { version: 1, modelPath: 'm', fingerprint: 'f', images: folder, models: folder };
const longMs = 60_000;
const patient = { firstTimeoutMs: longMs, lastTimeoutMs: longMs };

/** A round of workers that note what they are told. */
function roundOf(ids: readonly string[], goneMs?: number) {
  const told: string[] = [];
  const follower = (id: string): Follower => ({
    prepare: () => told.push(`${id} prepare`),
    commit: () => told.push(`${id} commit`),
    abort: () => told.push(`${id} abort`),
    kill: () => told.push(`${id} kill`),
  });
  const round = new ChangeRound(7, settings, new Map(ids.map((id) => [id, follower(id)])), goneMs);
  return { round, told };
}

describe('a round of a change', () => {
  test('is ready when every worker is, and done when every worker has followed', async () => {
    const { round, told } = roundOf(['a', 'b']);
    const ready = round.prepare(longMs);
    round.prepared('a', null);
    round.prepared('b', null);
    assert.equal(await ready, null);
    const done = round.commit(patient, () => assert.fail('nobody is late'));
    round.committed('b');
    round.committed('a');
    await done;
    assert.deepEqual(told, ['a prepare', 'b prepare', 'a commit', 'b commit']);
  });

  test('without workers is ready and done', async () => {
    const { round } = roundOf([]);
    assert.equal(await round.prepare(longMs), null);
    await round.commit(patient, () => undefined);
  });

  test('tells at once what one worker cannot prepare', async () => {
    const { round, told } = roundOf(['a', 'b']);
    const ready = round.prepare(longMs);
    round.prepared('a', null);
    round.prepared('b', 'no memory');
    assert.equal(await ready, 'no memory');
    round.abort();
    assert.deepEqual(told.slice(2), ['a abort', 'b abort']);
  });

  test('leaves out a worker that ends, whatever it was asked', async () => {
    const { round, told } = roundOf(['a', 'b', 'c']);
    const ready = round.prepare(longMs);
    round.remove('a');
    round.prepared('b', null);
    round.prepared('c', null);
    assert.equal(await ready, null);
    const done = round.commit(patient, () => undefined);
    round.committed('b');
    round.remove('c');
    await done;
    assert.equal(told.includes('a commit'), false);
  });

  test('is given up where every worker ends while it prepares: what ends them all must not be decided', async () => {
    const { round } = roundOf(['a', 'b']);
    const ready = round.prepare(longMs);
    round.remove('a');
    round.remove('b');
    assert.equal(await ready, 'workers end while they load it');
  });

  test('goes on without workers that end after another one could prepare', async () => {
    const { round } = roundOf(['a', 'b', 'c', 'd']);
    const ready = round.prepare(longMs);
    round.prepared('a', null);
    round.remove('b');
    round.remove('c');
    round.prepared('d', null);
    assert.equal(await ready, null);
  });

  test('that is given up ends who does not answer: nobody may be stuck in it when the next one comes', async () => {
    const { round, told } = roundOf(['a', 'b', 'c']);
    assert.equal(await round.prepare(5), timedOut);
    round.abort();
    await round.settled({ firstTimeoutMs: 5, lastTimeoutMs: longMs }, (id) => {
      setImmediate(() => {
        round.remove(id);
      });
    });
    assert.deepEqual(told, ['a prepare', 'a abort', 'b abort', 'c abort', 'a kill'], 'only one was asked');
  });

  test('that is given up harms nobody who says so and loads on, however long', async () => {
    const { round } = roundOf(['a']);
    assert.equal(await round.prepare(5), timedOut);
    round.abort();
    const settled = round.settled({ firstTimeoutMs: 50, lastTimeoutMs: longMs }, () =>
      assert.fail('it has answered'),
    );
    round.aborting('a');
    assert.equal(await settlesIn(settled, 100), false, 'and is waited for');
    round.prepared('a', null);
    await settled;
  });

  test('that is given up needs no word of who has loaded', async () => {
    const { round } = roundOf(['a']);
    assert.equal(await round.prepare(5), timedOut);
    round.abort();
    const settled = round.settled(patient, () => assert.fail('it has answered'));
    round.prepared('a', 'broken');
    round.aborting('a');
    await settled;
  });

  test('that is given up ends who loads without end', async () => {
    const { round, told } = roundOf(['a']);
    assert.equal(await round.prepare(5), timedOut);
    round.abort();
    const settled = round.settled({ firstTimeoutMs: longMs, lastTimeoutMs: 5 }, (id) => {
      setImmediate(() => {
        round.remove(id);
      });
    });
    round.aborting('a');
    await settled;
    assert.deepEqual(told.slice(-1), ['a kill']);
  });

  test('takes in a worker that comes while the others prepare', async () => {
    const { round, told } = roundOf(['a']);
    const { told: toldToB } = roundOf([]);
    const ready = round.prepare(longMs);
    round.join('b', {
      prepare: () => toldToB.push('b prepare'),
      commit: () => toldToB.push('b commit'),
      abort: () => undefined,
      kill: () => undefined,
    });
    round.prepared('a', null);
    assert.equal(round.isPreparing, true, 'the one that came is awaited');
    round.prepared('b', null);
    assert.equal(await ready, null);
    assert.equal(round.isPreparing, false);
    const done = round.commit(patient, () => assert.fail('nobody is late'));
    round.committed('a');
    round.committed('b');
    await done;
    assert.equal(round.isDeciding, false);
    assert.deepEqual(
      [told, toldToB],
      [
        ['a prepare', 'a commit'],
        ['b prepare', 'b commit'],
      ],
    );
  });

  test('is decided when it is committed or given up, whatever is still to be answered', async () => {
    for (const end of ['commit', 'abort'] as const) {
      const { round } = roundOf(['a']);
      const ready = round.prepare(longMs);
      round.prepared('a', null);
      await ready;
      assert.deepEqual([round.isDeciding, round.isPreparing], [true, false]);
      if (end === 'abort') round.abort();
      const done = end === 'commit' ? round.commit(patient, () => undefined) : null;
      await round.decided;
      assert.equal(round.isDeciding, false);
      round.committed('a');
      await done;
    }
  });

  test('gives up preparing when the time is over', async () => {
    const { round } = roundOf(['a']);
    assert.equal(await round.prepare(5), timedOut);
  });

  test('ends workers that do not follow in time, and is done when they have ended', async () => {
    const { round, told } = roundOf(['a', 'b']);
    const ready = round.prepare(longMs);
    round.prepared('a', null);
    round.prepared('b', null);
    await ready;
    const late: string[] = [];
    const done = round.commit({ firstTimeoutMs: 5, lastTimeoutMs: longMs }, (id) => {
      late.push(id);
      // It ends, as one that is killed does.
      setImmediate(() => {
        round.remove(id);
      });
    });
    round.committed('a');
    await done;
    assert.deepEqual(late, ['b']);
    assert.deepEqual(told.at(-1), 'b kill');
  });

  test('waits for workers that still answer what was asked before, longer than for those that do not follow', async () => {
    const { round, told } = roundOf(['a', 'b']);
    const done = round.commit({ firstTimeoutMs: 5, lastTimeoutMs: longMs }, () =>
      assert.fail('both have followed'),
    );
    round.committed('a');
    round.switched('b');
    assert.equal(await settlesIn(done, 20), false);
    round.committed('b');
    assert.deepEqual(await done, []);
    assert.equal(told.includes('b kill'), false);
  });

  test('ends workers that answer what was asked before for too long', async () => {
    const { round, told } = roundOf(['a', 'b']);
    const done = round.commit({ firstTimeoutMs: longMs, lastTimeoutMs: 5 }, (id) => {
      setImmediate(() => {
        round.remove(id);
      });
    });
    round.switched('a');
    round.switched('b');
    round.committed('b');
    assert.deepEqual(await done, []);
    assert.equal(told.at(-1), 'a kill');
  });

  test('goes on without a worker that does not even end when it is killed', async () => {
    const { round } = roundOf(['a', 'b'], 5);
    const done = round.commit({ firstTimeoutMs: 5, lastTimeoutMs: longMs }, () => undefined);
    round.committed('a');
    assert.deepEqual(await done, ['b']);
    assert.equal(round.isDeciding, false);
  });

  test('has a quarter of many workers load at a time, and the next one as soon as one is ready', async () => {
    const ids = Array.from({ length: 8 }, (_, index) => `w${index}`);
    const { round, told } = roundOf(ids);
    const ready = round.prepare(longMs);
    const loading = () => told.length;
    assert.equal(loading(), 2);
    for (const [index, id] of ids.entries()) {
      assert.equal(loading(), Math.min(8, index + 2));
      round.prepared(id, null);
    }
    assert.equal(await ready, null);
  });

  test('comes to an end whoever of the workers is ready, and whoever ends while it loads or before', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('ready', 'ends', 'ends before'), { minLength: 1, maxLength: 12 }),
        fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
        async (fates, endsLater) => {
          const ids = fates.map((_, index) => `w${index}`);
          const fateOf = (id: string) => fates[Number(id.slice(1))];
          const committed: string[] = [];
          const follower = (id: string): Follower => ({
            prepare: () => {
              queueMicrotask(() => {
                if (fateOf(id) === 'ready') round.prepared(id, null);
                else round.remove(id);
              });
            },
            commit: () => committed.push(id),
            abort: () => undefined,
            kill: () => assert.fail('nobody is late'),
          });
          const round = new ChangeRound(1, settings, new Map(ids.map((id) => [id, follower(id)])));
          const ready = round.prepare(longMs);
          const asked = new Set(ids.slice(0, Math.max(1, Math.floor(ids.length / 4))));
          // Of those that are not asked yet.
          const before = ids.filter((id, index) => fates[index] === 'ends before' && !asked.has(id));
          for (const id of before) round.remove(id);
          const firstReady = ids
            .filter((id) => !before.includes(id))
            .findIndex((id) => fateOf(id) === 'ready');
          const left = ids.filter((_, index) => fates[index] === 'ready');
          if (firstReady >= 2 || left.length === 0) {
            assert.equal(await ready, 'workers end while they load it');
            return;
          }
          assert.equal(await ready, null);
          const done = round.commit(patient, () => assert.fail('nobody is late'));
          for (const [index, id] of left.entries()) {
            if (endsLater[index] === true) round.remove(id);
            else round.committed(id);
          }
          await done;
          assert.deepEqual(committed, left);
        },
      ),
      { numRuns: 300 },
    );
  });
});
