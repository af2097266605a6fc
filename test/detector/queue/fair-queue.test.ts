import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FairQueue } from '#src/detector/queue/fair-queue.js';

function takeAll(queue: FairQueue<string, string>): string[] {
  const taken: string[] = [];
  for (let item = queue.take(); item !== undefined; item = queue.take()) taken.push(item);
  return taken;
}

describe('the queue of images', () => {
  test('gives owners turns, item by item', () => {
    const queue = new FairQueue<string, string>();
    for (const item of ['a1', 'a2', 'a3']) queue.push('a', item);
    queue.push('b', 'b1');
    for (const item of ['c1', 'c2']) queue.push('c', item);
    assert.deepEqual(takeAll(queue), ['a1', 'b1', 'c1', 'a2', 'c2', 'a3']);
  });

  test('lets a newcomer have its turn before the second item of the others', () => {
    const queue = new FairQueue<string, string>();
    for (const item of ['a1', 'a2', 'a3']) queue.push('a', item);
    assert.equal(queue.take(), 'a1');
    queue.push('b', 'b1');
    assert.deepEqual(takeAll(queue), ['a2', 'b1', 'a3']);
  });

  const steps = fc.array(
    fc.oneof(
      fc.record({ type: fc.constant('push' as const), owner: fc.constantFrom('a', 'b', 'c') }),
      fc.record({ type: fc.constant('take' as const) }),
      fc.record({
        type: fc.constant('remove' as const),
        owner: fc.constantFrom('a', 'b', 'c'),
        odd: fc.boolean(),
      }),
    ),
    { maxLength: 80 },
  );

  test('loses nothing, repeats nothing, keeps the order of each owner, and never makes one wait two rounds', () => {
    fc.assert(
      fc.property(steps, (sequence) => {
        const queue = new FairQueue<string, number>();
        const model = new Map<string, number[]>([
          ['a', []],
          ['b', []],
          ['c', []],
        ]);
        const ownerOf = (item: number) => [...model].find(([, items]) => items.includes(item))?.[0];
        /** Turns that others had since an owner's last one. */
        const waited = new Map<string, number>();
        let next = 0;
        for (const step of sequence) {
          if (step.type === 'push') {
            queue.push(step.owner, next);
            model.get(step.owner)?.push(next++);
          } else if (step.type === 'remove') {
            const doomed = (item: number) => (item % 2 === 1) === step.odd;
            queue.remove(step.owner, doomed);
            model.set(
              step.owner,
              (model.get(step.owner) ?? []).filter((item) => !doomed(item)),
            );
          } else {
            const item = queue.take();
            const owner = item === undefined ? undefined : ownerOf(item);
            if (item === undefined) assert.ok([...model.values()].every((items) => items.length === 0));
            else {
              assert.ok(owner !== undefined);
              assert.equal(model.get(owner)?.shift(), item);
              for (const [other, items] of model) {
                waited.set(other, other === owner || items.length === 0 ? 0 : (waited.get(other) ?? 0) + 1);
                assert.ok((waited.get(other) ?? 0) <= 2, `${other} waits more than a round`);
              }
            }
          }
          assert.equal(queue.size, [...model.values()].flat().length);
        }
      }),
    );
  });
});
