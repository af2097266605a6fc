// What a worker keeps for a store that is away, and how it is told afterwards.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { chunkSize, missedRowsMax } from '#src/connections/limits.js';
import { MissedHistory } from '#src/connections/missed-history.js';
import type { ClosedPeer } from '#src/connections/record.js';
import { closedPeer, peerEvent, peerRecord } from './records.js';

const worker = 'pear-host:0:aaaa';
const rowOf = (number: number) => closedPeer(peerRecord(worker, number));

describe('the history that a store has missed', () => {
  it('is told in order and whole, whatever fails and whatever comes meanwhile', async () => {
    const step = fc.record({ count: fc.integer({ min: 0, max: 700 }), fails: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
        const missed = new MissedHistory();
        const told: ClosedPeer[] = [];
        let added = 0;
        const add = (count: number) => {
          const closed = Array.from({ length: count }, () => rowOf(added++));
          missed.add({ closed, events: [] });
        };
        for (const { count, fails } of steps) {
          add(count);
          let pieces = 0;
          await missed
            .tell(async ({ closed }) => {
              await Promise.resolve();
              assert.ok(closed.length <= chunkSize);
              if (++pieces === 1) add(3);
              if (fails && pieces === 2) throw new Error('away');
              told.push(...closed);
            })
            .catch(() => undefined);
        }
        await missed.tell(({ closed }) => Promise.resolve(void told.push(...closed)));
        assert.deepEqual(
          told.map(({ peer }) => peer.id),
          Array.from({ length: added }, (_, number) => rowOf(number).peer.id),
        );
      }),
      { numRuns: 25 },
    );
  });

  it('is bounded: of too much the last is kept', async () => {
    const missed = new MissedHistory();
    const row = rowOf(1);
    for (let turn = 0; turn < 3; turn++) {
      const closed = Array.from({ length: missedRowsMax / 2 }, () => row);
      missed.add({ closed, events: [peerEvent(row.peer, { type: 'kicked', by: `${turn}` })] });
    }
    let rows = 0;
    const kickedBy: (string | undefined)[] = [];
    await missed.tell(({ closed, events }) => {
      rows += closed.length;
      kickedBy.push(...events.map(({ by }) => by));
      return Promise.resolve();
    });
    assert.deepEqual([rows, kickedBy], [missedRowsMax, ['0', '1', '2']]);
  });
});
