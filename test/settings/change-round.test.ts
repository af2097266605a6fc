import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ChangeRound, timedOut, type Follower } from '#src/settings/change-round.js';
import type { Settings } from '#src/settings/settings.js';

const folder = { name: 'f', path: '/f' };
const settings: Settings = { version: 1, modelPath: 'm', fingerprint: 'f', images: folder, models: folder };
const longMs = 60_000;

/** A round of workers that note what they are told. */
function roundOf(ids: readonly string[]) {
  const told: string[] = [];
  const follower = (id: string): Follower => ({
    prepare: () => told.push(`${id} prepare`),
    commit: () => told.push(`${id} commit`),
    abort: () => told.push(`${id} abort`),
    kill: () => told.push(`${id} kill`),
  });
  const round = new ChangeRound(7, settings, new Map(ids.map((id) => [id, follower(id)])));
  return { round, told };
}

describe('a round of a change', () => {
  test('is ready when every worker is, and done when every worker has followed', async () => {
    const { round, told } = roundOf(['a', 'b']);
    const ready = round.prepare(longMs);
    round.prepared('a', null);
    round.prepared('b', null);
    assert.equal(await ready, null);
    const done = round.commit(longMs, () => assert.fail('nobody is late'));
    round.committed('b');
    round.committed('a');
    await done;
    assert.deepEqual(told, ['a prepare', 'b prepare', 'a commit', 'b commit']);
  });

  test('without workers is ready and done', async () => {
    const { round } = roundOf([]);
    assert.equal(await round.prepare(longMs), null);
    await round.commit(longMs, () => undefined);
  });

  test('tells at once what one worker cannot prepare', async () => {
    const { round, told } = roundOf(['a', 'b']);
    const ready = round.prepare(longMs);
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
    const done = round.commit(longMs, () => undefined);
    round.committed('b');
    round.remove('c');
    await done;
    assert.equal(told.includes('a commit'), false);
  });

  test('is given up where every worker ends while it prepares: what ends them all must not be decided', async () => {
    const { round } = roundOf(['a', 'b']);
    const ready = round.prepare(longMs);
    round.prepared('a', null);
    round.remove('a');
    round.remove('b');
    assert.equal(await ready, 'every worker ended while it loaded it');
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
    const done = round.commit(longMs, () => assert.fail('nobody is late'));
    round.committed('a');
    round.committed('b');
    await done;
    await round.over;
    assert.deepEqual(
      [told, toldToB],
      [
        ['a prepare', 'a commit'],
        ['b prepare', 'b commit'],
      ],
    );
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
    const done = round.commit(5, (id) => {
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

  test('comes to an end in whichever order workers answer and end', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(['a', 'b', 'c', 'd'], { minLength: 4 }),
        fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
        async (order, ends) => {
          const { round, told } = roundOf(order);
          const ready = round.prepare(longMs);
          for (const [index, id] of order.entries()) {
            if (ends[index] === true) round.remove(id);
            else round.prepared(id, null);
          }
          const left = order.filter((_, index) => ends[index] !== true);
          if (left.length === 0) {
            assert.match(String(await ready), /every worker ended/);
            return;
          }
          assert.equal(await ready, null);
          const done = round.commit(longMs, () => assert.fail('nobody is late'));
          for (const [index, id] of left.entries()) {
            if (ends[4 + index] === true) round.remove(id);
            else round.committed(id);
          }
          await done;
          assert.deepEqual(
            told.filter((word) => word.endsWith('commit')),
            left.map((id) => `${id} commit`),
          );
        },
      ),
      { numRuns: 200 },
    );
  });
});
