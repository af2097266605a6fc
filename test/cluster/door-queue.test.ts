import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { DoorQueue } from '#src/cluster/door-queue.js';

/** A queue whose connections have names. */
function setUp(maxWaiting: number) {
  const queue = new DoorQueue(maxWaiting);
  const names = new Map<Socket | null | undefined, string>();
  const nameOf = (socket: Socket | null | undefined) => names.get(socket) ?? null;
  return {
    queue,
    nameOf,
    /** Gives the name of the one that goes for it. */
    add: (name: string, network: string, look = 0) => {
      const socket = new Socket();
      names.set(socket, name);
      return nameOf(queue.add(socket, network, look));
    },
    take: () => nameOf(queue.take()),
  };
}

test('networks have their turns one after the other, and those of one network theirs as they came', () => {
  const { add, take } = setUp(10);
  for (const name of ['a1', 'a2', 'a3', 'b1', 'b2', 'c1']) add(name, name.slice(0, 1));
  assert.deepEqual([take(), take(), take()], ['a1', 'b1', 'c1']);
  add('d1', 'd');
  assert.deepEqual(Array.from({ length: 5 }, take), ['a2', 'b2', 'd1', 'a3', null]);
});

test('where no more may wait the last of the longest line goes, or who comes where none is longer than his', () => {
  const { queue, add } = setUp(4);
  for (const name of ['a1', 'a2', 'a3', 'b1']) assert.equal(add(name, name.slice(0, 1)), null);
  assert.equal(add('c1', 'c'), 'a3');
  assert.equal(add('a4', 'a'), 'a4');
  assert.equal(add('b2', 'b'), 'b2', 'the line of a is no longer than this one would be');
  assert.equal(add('d1', 'd'), 'a2');
  assert.equal(add('e1', 'e'), 'e1', 'everybody has one');
  assert.equal(queue.size, 4);
});

test('those that have waited for long are found in every line', () => {
  const { queue, add, nameOf, take } = setUp(10);
  add('a1', 'a', 1);
  add('a2', 'a', 5);
  add('b1', 'b', 2);
  assert.deepEqual(queue.takeFrom(2).map(nameOf), ['a1', 'b1']);
  assert.deepEqual([queue.size, take(), queue.size], [1, 'a2', 0]);
});
