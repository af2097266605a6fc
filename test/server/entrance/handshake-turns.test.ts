// Whose TLS handshake begins when: so many at once, not all of them of one address, and nobody is forgotten.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  handshakesMax,
  handshakesPerAddressMax,
  HandshakeTurns,
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

test('one address has so many handshakes at once; others do not wait for it', async () => {
  const { begun, enter, leave } = setUp();
  await enter('192.0.2.1', handshakesPerAddressMax + 10);
  assert.equal(begun.length, handshakesPerAddressMax);
  await enter('192.0.2.2');
  assert.equal(begun.at(-1), '192.0.2.2');
  await leave('192.0.2.1');
  assert.equal(begun.length, handshakesPerAddressMax + 2);
});

test('where all are under way, addresses have turns, however many of each wait', async () => {
  const { begun, enter, leave } = setUp();
  const addresses = handshakesMax / handshakesPerAddressMax;
  for (let index = 0; index < addresses; index++) await enter(`a${index}`, handshakesPerAddressMax + 50);
  await enter('late', 2);
  assert.equal(begun.length, handshakesMax);
  for (let index = 0; index < addresses; index++) await leave('a0');
  const next = begun.slice(handshakesMax);
  assert.equal(next.length, addresses);
  assert.ok(next.includes('late'), next.join());
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
        assert.ok(counts.every((count) => count <= handshakesPerAddressMax));
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
