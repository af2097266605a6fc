import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Allowance } from '#src/server/peer/allowance.js';
import { lookingBytesMax } from '#src/server/peer/role-bound.js';
import { PeerLoad } from '#src/server/requests/peer-load.js';
import { Room } from '#src/server/room.js';

const readAheadBytes = 1_000_000;
const maxBytes = 10_000_000;
const limits = {
  maxMessageBytes: 1_000_000,
  messageTimeoutMs: 1_000,
  writeTimeoutMs: 1_000,
  idleTimeoutMs: null,
  maxInFlightBytes: 1_000_000,
  readAheadBytes,
};

function setUp(mayClassify = true) {
  const room = new Room({ maxImages: 1, maxBytes });
  const load = new PeerLoad({ maxQueuedImages: 1, maxInFlightBytes: limits.maxInFlightBytes });
  const share = room.share();
  const others = room.share();
  return { load, others, allowance: new Allowance(limits, load, share, () => mayClassify) };
}

describe('a peer whose requests wait', () => {
  test('is read on as far as its limit says', () => {
    const { allowance, load } = setUp();
    load.aheadBytes = readAheadBytes;
    assert.equal(allowance.mayTake(0), true);
    assert.equal(allowance.mayLook(readAheadBytes - 1), true);
    load.aheadBytes += 1;
    assert.equal(allowance.mayTake(0), false);
    assert.equal(allowance.mayLook(readAheadBytes), false);
  });

  test('is read on a little where it may not classify, and so has nothing to stop', () => {
    const { allowance, load } = setUp(false);
    load.aheadBytes = lookingBytesMax;
    assert.equal(allowance.mayTake(0), true);
    assert.equal(allowance.mayLook(lookingBytesMax - 1), true);
    load.aheadBytes += 1;
    assert.equal(allowance.mayTake(0), false);
    assert.equal(allowance.mayLook(lookingBytesMax), false);
  });

  test('is read on a little while the whole server holds too much, and not at all where what has come waits', () => {
    const { allowance, load, others } = setUp();
    load.aheadBytes = lookingBytesMax + 1;
    assert.equal(allowance.mayTake(0), true);
    others.set(maxBytes + 1);
    assert.equal(allowance.mayTake(0), false);
    assert.equal(allowance.mayLook(1), false);
    assert.equal(allowance.mayLook(0), true, 'else its end would not be seen');
    load.aheadBytes = lookingBytesMax;
    assert.equal(allowance.mayTake(0), true);
    others.set(0);
    load.aheadBytes = readAheadBytes;
    assert.equal(allowance.mayTake(0), true);
  });
});
