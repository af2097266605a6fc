// Whose TLS handshake begins when: so many at once, not all of them of one network, and nobody is forgotten.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  handshakesMax,
  handshakesPerNetworkMax,
  HandshakeTurns,
  newcomersMax,
} from '#src/server/entrance/handshake-turns.js';

function setUp() {
  const turns = new HandshakeTurns();
  const begun: string[] = [];
  return {
    begun,
    enter: (address: string, count = 1) => {
      for (let index = 0; index < count; index++) {
        void turns.enter(address).then(() => begun.push(address));
      }
      return settled();
    },
    leave: (address: string) => {
      turns.leave(address);
      return settled();
    },
  };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

test('one network has so many handshakes at once; others do not wait for it', async () => {
  const { begun, enter, leave } = setUp();
  await enter('192.0.2.1', handshakesPerNetworkMax + 10);
  assert.equal(begun.length, handshakesPerNetworkMax);
  await enter('192.0.2.2');
  assert.equal(begun.at(-1), '192.0.2.2');
  await leave('192.0.2.1');
  assert.equal(begun.length, handshakesPerNetworkMax + 2);
});

const many = handshakesMax - newcomersMax;
const greedy = Array.from({ length: many / handshakesPerNetworkMax + 1 }, (_, index) => `a${index}`);

test('a few networks that take all they get leave room for those that have none under way', async () => {
  const { begun, enter } = setUp();
  for (const network of greedy) await enter(network, handshakesPerNetworkMax + 50);
  assert.equal(begun.length, many + 1);
  for (let index = 1; index < newcomersMax; index++) await enter(`n${index}`, 2);
  assert.equal(begun.length, handshakesMax);
  await enter('late');
  assert.equal(begun.length, handshakesMax);
});

test('where all are under way, the next turn is of a network that has none', async () => {
  const { begun, enter, leave } = setUp();
  for (const network of greedy) await enter(network, handshakesPerNetworkMax + 50);
  for (let index = 1; index < newcomersMax; index++) await enter(`n${index}`, 2);
  await enter('late', 2);
  await leave('a0');
  assert.deepEqual(begun.slice(handshakesMax), ['late']);
});

test('networks have turns, however many of each wait', async () => {
  const { begun, enter, leave } = setUp();
  for (const network of greedy) await enter(network, handshakesPerNetworkMax + 50);
  const before = begun.length;
  await leave('a0');
  await leave('a0');
  await leave('a0');
  const last = greedy.at(-1);
  assert.deepEqual(begun.slice(before), [last, last]);
});

test('whatever comes and goes, the bounds hold and everybody has a turn', async () => {
  const steps = fc.array(fc.record({ address: fc.nat(6), count: fc.integer({ min: 1, max: 200 }) }), {
    maxLength: 20,
  });
  await fc.assert(
    fc.asyncProperty(steps, async (arrivals) => {
      const { begun, enter, leave } = setUp();
      const running = new Map<string, number>();
      let seen = 0;
      const look = () => {
        for (const address of begun.slice(seen)) running.set(address, (running.get(address) ?? 0) + 1);
        seen = begun.length;
        const counts = [...running.values()];
        assert.ok(counts.every((count) => count <= handshakesPerNetworkMax));
        assert.ok(counts.reduce((sum, count) => sum + count, 0) <= handshakesMax);
      };
      for (const { address, count } of arrivals) {
        await enter(String(address), count);
        look();
      }
      for (;;) {
        const [address] = [...running].find(([, count]) => count > 0) ?? [];
        if (address === undefined) break;
        running.set(address, (running.get(address) ?? 0) - 1);
        await leave(address);
        look();
      }
      assert.equal(
        begun.length,
        arrivals.reduce((sum, { count }) => sum + count, 0),
      );
    }),
    { numRuns: 15 },
  );
});
