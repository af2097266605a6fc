import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PeerCounter } from '#src/cluster/peer-counter.js';

describe('the count of connections', () => {
  test('holds over all workers, and a place that is given back can be taken by any', () => {
    const counter = counterOf(2, 2, 'w1', 'w2');
    assert.deepEqual(counter.update('w1', [], ['a']), ['ok']);
    assert.deepEqual(counter.update('w2', [], ['b', 'c']), ['ok', 'full']);
    assert.deepEqual(counter.update('w1', ['a'], []), []);
    assert.deepEqual(counter.update('w2', [], ['c', 'c']), ['ok', 'full']);
    assert.equal(counter.total, 2);
  });

  test('holds for each network over all workers', () => {
    const counter = counterOf(10, 2, 'w1', 'w2');
    assert.deepEqual(counter.update('w1', [], ['a', 'b']), ['ok', 'ok']);
    assert.deepEqual(counter.update('w2', [], ['a', 'a', 'b']), ['ok', 'address full', 'ok']);
    assert.deepEqual(counter.update('w1', ['a'], ['b', 'a']), ['address full', 'ok']);
  });

  test('takes departures before arrivals', () => {
    const counter = counterOf(1, 1, 'w1');
    counter.update('w1', [], ['a']);
    assert.deepEqual(counter.update('w1', ['a'], ['b']), ['ok']);
  });

  test('lets a network have no more than there is, whatever its own limit', () => {
    assert.deepEqual(counterOf(1, 100, 'w1').update('w1', [], ['a', 'a']), ['ok', 'full']);
  });

  test('makes no room for what a worker never had', () => {
    const counter = counterOf(1, 1, 'w1', 'w2');
    counter.update('w1', [], ['a']);
    assert.deepEqual(counter.update('w2', ['a', 'b'], ['c']), ['full']);
    assert.equal(counter.total, 1);
  });

  test('is freed of a worker that has ended, and hears no late word of it', () => {
    const counter = counterOf(3, 3, 'w1', 'w2');
    counter.update('w1', [], ['a', 'a']);
    counter.update('w2', [], ['a']);
    counter.removeWorker('w1');
    assert.equal(counter.total, 1);
    assert.deepEqual(counter.update('w1', ['a'], ['a', 'b']), ['full', 'full']);
    counter.removeWorker('w1');
    assert.deepEqual(counter.update('w2', [], ['a', 'a', 'a']), ['ok', 'ok', 'full']);
  });
});

const workerIds = ['w1', 'w2', 'w3'] as const;
const maxPeers = 5;
const maxPeersPerNetwork = 3;

/** The count as it should be: the network of every connection of every worker that lives. */
type Model = Map<string, string[]>;

interface Step {
  readonly check: (model: Readonly<Model>) => boolean;
  readonly run: (model: Model, counter: PeerCounter) => void;
  readonly toString: () => string;
}

const worker = fc.constantFrom(...workerIds);
const networks = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 6 });

const add = worker.map((id) =>
  step(
    `add ${id}`,
    () => true,
    (model, counter) => {
      counter.addWorker(id);
      if (!model.has(id)) model.set(id, []);
    },
  ),
);

const remove = worker.map((id) =>
  step(
    `remove ${id}`,
    () => true,
    (model, counter) => {
      counter.removeWorker(id);
      model.delete(id);
    },
  ),
);

const update = fc.tuple(worker, networks, networks).map(([id, left, arrived]) =>
  step(
    `update ${id}: left ${left.join()}, arrived ${arrived.join()}`,
    (model) => model.has(id),
    (model, counter) => {
      const held = model.get(id) ?? [];
      for (const network of left) {
        const index = held.indexOf(network);
        if (index !== -1) held.splice(index, 1);
      }
      const expected = arrived.map((network) => {
        const all = [...model.values()].flat();
        if (all.length >= maxPeers) return 'full';
        if (all.filter((each) => each === network).length >= maxPeersPerNetwork) return 'address full';
        held.push(network);
        return 'ok';
      });
      assert.deepEqual(counter.update(id, left, arrived), expected);
    },
  ),
);

const late = fc.tuple(worker, networks, networks).map(([id, left, arrived]) =>
  step(
    `late word of ${id}`,
    (model) => !model.has(id),
    (_model, counter) => {
      assert.ok(counter.update(id, left, arrived).every((answer) => answer === 'full'));
    },
  ),
);

test('whatever workers ask, tell and die of, no limit is passed, and all comes back to nothing', () => {
  fc.assert(
    fc.property(fc.commands([add, update, update, late, remove], { maxCommands: 60 }), (steps) => {
      const model: Model = new Map();
      const counter = new PeerCounter({ maxPeers, maxPeersPerNetwork });
      fc.modelRun(() => ({ model, real: counter }), steps);
      for (const [id, held] of model) {
        if (id === 'w1') counter.update(id, held, []);
        else counter.removeWorker(id);
      }
      assert.equal(counter.total, 0);
      assert.equal(counter.networks, 0, 'nothing is remembered of those that have gone');
    }),
    { numRuns: 300 },
  );
});

function step(name: string, check: Step['check'], run: Step['run']): Step {
  return {
    check,
    run: (model, counter) => {
      run(model, counter);
      const all = [...model.values()].flat();
      assert.equal(counter.total, all.length);
      assert.equal(counter.networks, new Set(all).size);
      assert.ok(counter.total <= maxPeers);
    },
    toString: () => name,
  };
}

function counterOf(peers: number, perNetwork: number, ...workers: string[]): PeerCounter {
  const counter = new PeerCounter({ maxPeers: peers, maxPeersPerNetwork: perNetwork });
  for (const id of workers) counter.addWorker(id);
  return counter;
}
