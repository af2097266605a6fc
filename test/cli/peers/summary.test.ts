// The totals below a list of connections.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PeerList } from '#src/cli/peers/read.js';
import { totalsTable } from '#src/cli/peers/summary.js';
import { peer, status } from '../scripted.js';

function listOf(hosts: Readonly<Record<string, number>>, peers = 1): PeerList {
  return {
    peers: [peer('a')],
    unread: [],
    isCut: false,
    isThisHost: false,
    status: status(hosts, peers),
  };
}

const names = (lines: readonly string[]) => lines.map((line) => line.split('  ')[0]);

describe('totals', () => {
  test('have a line for each worker, and for each host with several', () => {
    assert.deepEqual(names(totalsTable(listOf({ one: 1, two: 2 }), {}, Infinity)), [
      'worker',
      'one:1:a',
      'two:1:a',
      'two:2:a',
      'two, all',
    ]);
  });

  test('that exceed their room begin with the hosts and say how many more workers there are', () => {
    const lines = totalsTable(listOf({ one: 1, two: 30 }), {}, Infinity, 6);
    assert.deepEqual(names(lines), [
      'worker',
      'one:1:a',
      'two, all',
      'two:1:a',
      'two:2:a',
      '… 28 more workers',
    ]);
  });

  test('that exceed it even by host say so of both', () => {
    const lines = totalsTable(listOf({ one: 2, two: 30, three: 1 }), {}, Infinity, 1);
    assert.deepEqual(names(lines), ['worker', 'one, all', '… 2 more hosts and 32 more workers']);
  });

  const count = (filter: Parameters<typeof totalsTable>[1], changes: Partial<PeerList> = {}) =>
    /serving +(\d+)/.exec(
      totalsTable({ ...listOf({ 'line-7': 1 }, 42), ...changes }, filter, Infinity).join('\n'),
    )?.[1];

  test('count the listed connections', () => {
    assert.equal(count({}), '1');
    assert.equal(count({ host: 'line-7' }), '1');
  });

  for (const [what, changes] of [
    ['the list is cut', { isCut: true }],
    ['their connections could not be read', { unread: ['line-7:1:a'] }],
  ] as const) {
    test(`count connections as the workers do where ${what}, unless a filter looks within workers`, () => {
      assert.equal(count({}, changes), '42');
      assert.equal(count({ host: 'line-7' }, changes), '42');
      assert.equal(count({ worker: 'line-7:1:a' }, changes), '42');
      assert.equal(count({ address: '10.0.0.7' }, changes), '1');
    });
  }
});
