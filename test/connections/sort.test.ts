// Orders of lists.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inOrderOf, parseSort } from '#src/connections/sort.js';
import { InvalidMessageError } from '#src/errors.js';
import { peerRecord } from './records.js';

const worker = 'line-1:1:aaaa';
const peers = [
  peerRecord(worker, 1, { last_latency_ms: 5 }),
  peerRecord(worker, 2, { last_latency_ms: null }),
  peerRecord(worker, 3, { last_latency_ms: 70 }),
  peerRecord(worker, 4, { last_latency_ms: 5 }),
];
const order = (sort: string) => peers.toSorted(inOrderOf(parseSort(sort))).map(({ id }) => id.at(-1));

test('numbers by size, up or down; what is not known comes last, equal ones by id', () => {
  assert.deepEqual(order('last_latency_ms'), ['1', '4', '3', '2']);
  assert.deepEqual(order('-last_latency_ms'), ['3', '1', '4', '2']);
});

test('texts by their characters', () => {
  assert.deepEqual(order('-id'), ['4', '3', '2', '1']);
});

test('a key that is none is named, with the nearest', () => {
  assert.throws(
    () => parseSort('-image'),
    new InvalidMessageError('there is no key image to sort by; did you mean images?'),
  );
  assert.throws(() => parseSort('colour'), /there is no key colour to sort by; known are id, host, worker, /);
});
