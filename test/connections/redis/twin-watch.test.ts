// Two primaries with one host's id: at a reload, and by mistake.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TwinWatch } from '#src/connections/redis/twin-watch.js';

describe('another primary with the id of this host', () => {
  const pingIntervalMs = 5_000;
  const watched = () => {
    let now = 0;
    let told = 0;
    const watch = new TwinWatch({
      pingIntervalMs,
      handoverMaxMs: 120_000,
      onStays: () => told++,
      now: () => now,
    });
    /** Pings of the other one for so long. */
    const pings = (forMs: number) => {
      for (const endMs = now + forMs; now < endMs; now += pingIntervalMs) watch.heard();
    };
    const pass = (ms: number) => (now += ms);
    return { watch, pings, pass, told: () => told };
  };

  it('is not there until it is heard, and gone three intervals after its last ping', () => {
    const { watch, pings, pass } = watched();
    assert.equal(watch.isThere, false);
    pings(pingIntervalMs);
    assert.equal(watch.isThere, true);
    pass(2 * pingIntervalMs);
    assert.equal(watch.isThere, true);
    pass(1);
    assert.equal(watch.isThere, false);
  });

  it('is not told of at reloads, however many there are', () => {
    const { pings, pass, told } = watched();
    for (let reload = 0; reload < 5; reload++) {
      pings(100_000);
      pass(60_000);
    }
    assert.equal(told(), 0);
  });

  it('is told of once where it stays, and again when another one comes', () => {
    const { pings, pass, told } = watched();
    pings(1_000_000);
    assert.equal(told(), 1);
    pass(60_000);
    pings(200_000);
    assert.equal(told(), 2);
  });
});
