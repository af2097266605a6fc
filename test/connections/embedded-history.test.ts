import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EmbeddedHistory } from '#src/connections/embedded-history.js';
import { EmbeddedView } from '#src/connections/embedded-view.js';
import { closedPeer, peerEvent, peerRecord, peerRecords, workerRecord } from './records.js';

const one = 'pear-host:0:aaaa';
const whole = { filter: {}, limit: 20_000, cursor: null };

describe('the history in memory', () => {
  it('gives ids that ascend, though its clock stands still or goes back', () => {
    let now = 5_000;
    const history = new EmbeddedHistory(() => now);
    const event = peerEvent(peerRecord(one, 1), { type: 'active' });
    history.tell([event, event]);
    now = 4_000;
    history.tell([event]);
    now = 6_000;
    history.tell([event]);
    const { events } = history.events({ after: null, limit: 10 });
    assert.deepEqual(
      events.map(({ id }) => id),
      ['5000-0', '5000-1', '5000-2', '6000-0'],
    );
  });

  it('is known since it began, and since its oldest row once it has dropped some', () => {
    const history = new EmbeddedHistory(() => 5_000);
    assert.equal(history.closed(whole).since, 5_000);
    const peers = peerRecords(one, 12_000);
    history.remember(peers.map((peer, n) => ({ ...closedPeer(peer), closed_at: 10_000 + n })));
    const { closed, since } = history.closed(whole);
    assert.equal(since, closed.at(-1)?.closed_at);
    assert.ok(closed.length >= 10_000 && closed.length <= 11_000);
  });

  it('of a fallback begins with the first report, not with the first look', async () => {
    let now = 5_000;
    const view = new EmbeddedView({ leaseMs: 60_000, isFallback: true, now: () => now });
    assert.equal((await view.closed(whole)).since, null);
    assert.deepEqual((await view.events({ after: '1-0', limit: 1 })).events, []);
    now = 9_000;
    view.handle(one, { type: 'open', worker: workerRecord(one) });
    assert.equal((await view.closed(whole)).since, 9_000);
  });

  it('goes on from what it still has where the event that is known has been dropped', () => {
    const history = new EmbeddedHistory(() => 5_000);
    const event = peerEvent(peerRecord(one, 1), { type: 'active' });
    history.tell(Array.from({ length: 12_000 }, () => event));
    const { events } = history.events({ after: '5000-0', limit: 1 });
    assert.notEqual(events[0]?.id, '5000-1');
    const { events: last } = history.events({ after: '5000-11998', limit: 5 });
    assert.deepEqual(
      last.map(({ id }) => id),
      ['5000-11999'],
    );
  });
});
