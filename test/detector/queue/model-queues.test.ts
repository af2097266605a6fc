import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ModelQueues } from '#src/detector/queue/model-queues.js';

const [one, two] = [{ name: 'one' }, { name: 'two' }];
const item = (by: typeof one, name: string) => ({ by, name });

describe('what waits for models', () => {
  test('is taken apart for each, whatever waits for the other', () => {
    const queues = new ModelQueues<typeof one, string, ReturnType<typeof item>>();
    for (const [by, name] of [
      [one, 'a'],
      [one, 'b'],
      [two, 'c'],
    ] as const)
      queues.push('owner', item(by, name));
    assert.equal(queues.size, 3);
    assert.equal(queues.take(two)?.name, 'c');
    assert.equal(queues.take(two), undefined);
    assert.deepEqual([queues.take(one)?.name, queues.take(one)?.name], ['a', 'b']);
  });

  test('comes first where it was lent in vain, and is lent to nobody again', () => {
    const queues = new ModelQueues<typeof one, string, ReturnType<typeof item>>();
    queues.push('owner', item(one, 'a'));
    queues.giveBack(item(one, 'back'));
    assert.deepEqual([queues.size, queues.lendable], [2, 1]);
    assert.equal(
      queues.takeToLend((by) => by === two),
      undefined,
    );
    assert.equal(queues.takeToLend((by) => by === one)?.name, 'a');
    assert.equal(
      queues.takeToLend((by) => by === one),
      undefined,
    );
    assert.equal(queues.take(one)?.name, 'back');
  });

  test('is removed by owner, and forgotten with its model', () => {
    const queues = new ModelQueues<typeof one, string, ReturnType<typeof item>>();
    queues.push('x', item(one, 'a'));
    queues.push('y', item(one, 'b'));
    queues.remove('x', () => true);
    assert.equal(queues.take(one)?.name, 'b');
    queues.push('x', item(two, 'c'));
    queues.forget(two);
    assert.deepEqual([queues.size, queues.take(two)], [0, undefined]);
  });
});
