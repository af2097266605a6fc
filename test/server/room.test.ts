import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BusyError } from '#src/errors.js';
import { Room } from '#src/server/room.js';

const mib = 1024 * 1024;

describe('the room that peers share', () => {
  test('counts images over all peers and refuses what is over the limit', () => {
    const room = new Room({ maxImages: 10, maxBytes: mib });
    const [a, b] = [room.share(), room.share()];
    a.countImages(8);
    b.assertImages(2);
    assert.throws(() => {
      b.assertImages(3);
    }, BusyError);
    a.countImages(-8);
    b.assertImages(10);
  });

  test('lets one peer alone have half of the bytes', () => {
    const room = new Room({ maxImages: 10, maxBytes: 20 * mib });
    const share = room.share();
    share.set(10 * mib);
    assert.equal(share.mayGrow, true);
    share.set(10 * mib + 1);
    assert.equal(share.mayGrow, false);
    assert.throws(() => {
      share.assertBytes();
    }, BusyError);
  });

  test('beyond half refuses who holds most, not who holds little; beyond the whole it refuses all', () => {
    const room = new Room({ maxImages: 10, maxBytes: 20 * mib });
    const [much, little, nothing] = [room.share(), room.share(), room.share()];
    much.set(12 * mib);
    little.set(2 * mib);
    assert.deepEqual([much.mayGrow, little.mayGrow, nothing.mayGrow], [false, true, true]);
    much.set(19 * mib);
    assert.deepEqual([much.mayGrow, little.mayGrow, nothing.mayGrow], [false, false, false]);
    much.set(0);
    assert.deepEqual([much.mayGrow, little.mayGrow, nothing.mayGrow], [true, true, true]);
  });

  test('beyond the whole gives up those that do not take their replies, the one that waits with most first', () => {
    const room = new Room({ maxImages: 10, maxBytes: 20 * mib });
    const givenUp: string[] = [];
    const share = (name: string) => {
      const one = room.share(() => {
        givenUp.push(name);
        one.set(0);
      });
      return one;
    };
    const [reader, most, some, changed] = [share('reader'), share('most'), share('some'), share('changed')];
    changed.set(mib, mib);
    changed.set(mib);
    reader.set(12 * mib);
    some.set(3 * mib, 2 * mib);
    most.set(4 * mib, 4 * mib);
    assert.deepEqual(givenUp, [], 'there is room for all');
    reader.set(14 * mib);
    assert.deepEqual(givenUp, ['most']);
    reader.set(30 * mib);
    assert.deepEqual(givenUp, ['most', 'some'], 'nobody who takes his replies');
    share('a moment').set(mib / 64, mib / 64);
    assert.deepEqual(givenUp, ['most', 'some'], 'nor who waits with so little that it would not help');
  });

  test('never fills further than its limit by peers that add only what they may', () => {
    const maxBytes = 40 * mib;
    const step = fc.record({ peer: fc.nat({ max: 7 }), bytes: fc.integer({ min: -8 * mib, max: mib / 4 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const room = new Room({ maxImages: 1, maxBytes });
        const peers = Array.from({ length: 8 }, () => ({ share: room.share(), bytes: 0 }));
        for (const { peer: index, bytes } of steps) {
          const peer = peers[index];
          if (peer === undefined || (bytes > 0 && !peer.share.mayGrow)) continue;
          peer.bytes = Math.max(0, peer.bytes + bytes);
          peer.share.set(peer.bytes);
        }
        const total = peers.reduce((sum, { bytes }) => sum + bytes, 0);
        // Each may go over by the one step that it began below.
        assert.ok(total <= maxBytes + (peers.length * mib) / 4);
      }),
    );
  });
});
