import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Matchmaker } from '#src/cluster/sharing/matchmaker.js';
import type { SharingNews } from '#src/cluster/sharing/share-messages.js';

function setUp(...workers: readonly string[]) {
  const sent: string[] = [];
  const matchmaker = new Matchmaker((helper, lender, path) => {
    assert.equal(path, `/${lender}`);
    sent.push(`${helper} to ${lender}`);
  });
  const add = (worker: string, model = 'm') => {
    matchmaker.add(worker, { model, socketPath: `/${worker}` });
  };
  for (const worker of workers) add(worker);
  return {
    sent,
    matchmaker,
    add,
    waits: (worker: string, announcement = 1) => {
      matchmaker.tell(worker, { news: 'images wait', announcement });
    },
    free: (worker: string, dry: [workerId: string, announcement: number] | null = null) => {
      matchmaker.tell(worker, {
        news: 'helps nobody',
        free: true,
        dry: dry && { workerId: dry[0], announcement: dry[1] },
      });
    },
    busy: (worker: string) => {
      matchmaker.tell(worker, { news: 'helps nobody', free: false, dry: null });
    },
  };
}

describe('the matchmaker', () => {
  test('sends who is free to whom images wait with, whichever came first', () => {
    const { sent, waits, free } = setUp('a', 'b', 'c');
    waits('a');
    free('b');
    assert.deepEqual(sent, ['b to a']);
    free('c');
    assert.deepEqual(sent, ['b to a', 'c to a']);
  });

  test('sends nobody to himself, nor to one with another model', () => {
    const { sent, add, waits, free } = setUp('a');
    add('other', 'n');
    free('a');
    waits('a');
    free('other');
    assert.deepEqual(sent, []);
  });

  test('gives the next helper to the one that has fewest', () => {
    const { sent, waits, free } = setUp('a', 'b', 'c', 'd', 'e');
    waits('a');
    free('c');
    waits('b');
    free('d');
    free('e');
    assert.deepEqual(sent, ['c to a', 'd to b', 'e to a']);
  });

  test('lets workers take turns where one helper is for all', () => {
    const { sent, waits, free } = setUp('a', 'b', 'c', 'd');
    for (const worker of ['a', 'b', 'c']) waits(worker);
    for (let offer = 0; offer < 6; offer++) free('d');
    assert.deepEqual(sent, ['d to a', 'd to b', 'd to c', 'd to a', 'd to b', 'd to c']);
  });

  test('sends nobody to one that had nothing left, until images wait there again', () => {
    const { sent, waits, free } = setUp('a', 'b');
    waits('a', 1);
    free('b');
    free('b', ['a', 1]);
    assert.deepEqual(sent, ['b to a']);
    waits('a', 2);
    assert.deepEqual(sent, ['b to a', 'b to a']);
  });

  test('does not take an announcement for dry that came after the helper had left', () => {
    const { sent, waits, free } = setUp('a', 'b');
    waits('a', 1);
    free('b');
    waits('a', 2);
    free('b', ['a', 1]);
    assert.deepEqual(sent, ['b to a', 'b to a']);
  });

  test('sends one that declined only when it is free again', () => {
    const { sent, waits, free, busy } = setUp('a', 'b');
    waits('a');
    free('b');
    busy('b');
    waits('a', 2);
    assert.deepEqual(sent, ['b to a']);
    free('b');
    assert.deepEqual(sent, ['b to a', 'b to a']);
  });

  test('forgets a worker that has ended, as a helper and as one to be helped', () => {
    const { sent, matchmaker, waits, free } = setUp('a', 'b', 'c');
    waits('a');
    matchmaker.remove('a');
    free('b');
    matchmaker.remove('b');
    waits('c');
    waits('a');
    assert.deepEqual(sent, []);
  });

  test('whatever is told, never leaves one free while images wait with another', () => {
    const ids = ['a', 'b', 'c', 'd'] as const;
    const id = fc.constantFrom(...ids);
    const news = fc.oneof(
      fc.record({ news: fc.constant('images wait' as const), announcement: fc.integer({ min: 1, max: 3 }) }),
      fc.record({
        news: fc.constant('helps nobody' as const),
        free: fc.boolean(),
        dry: fc.option(fc.record({ workerId: id, announcement: fc.integer({ min: 1, max: 3 }) })),
      }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(id, news), { maxLength: 30 }), (told: [string, SharingNews][]) => {
        // A second reading: who is free, and with whom images wait.
        const waiting = new Map<string, number>();
        const free = new Set<string>();
        const matchmaker = new Matchmaker((helper, lender) => {
          assert.notEqual(helper, lender);
          assert.ok(waiting.has(lender), `${lender} has announced nothing`);
          assert.ok(free.delete(helper), `${helper} was not free`);
        });
        for (const worker of ids) matchmaker.add(worker, { model: 'm', socketPath: '' });
        for (const [worker, what] of told) {
          if (what.news === 'images wait') waiting.set(worker, what.announcement);
          else {
            if (what.free) free.add(worker);
            else free.delete(worker);
            if (what.dry !== null && waiting.get(what.dry.workerId) === what.dry.announcement)
              waiting.delete(what.dry.workerId);
          }
          matchmaker.tell(worker, what);
          for (const helper of free) {
            assert.deepEqual(
              [...waiting.keys()].filter((lender) => lender !== helper),
              [],
            );
          }
        }
      }),
    );
  });
});
