// The part of the contract of the stores that is about the past and about single peers: what has closed, what has
// happened, and look-ups by id.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { ClosedPeer, PeerFilter, ViewEvent } from '#src/connections/record.js';
import type { ConnectionStore, WorkerReaper } from '#src/connections/store.js';
import { InvalidMessageError } from '#src/errors.js';
import { byId, closedPeer, peerEvent, peerRecord, peerRecords, workerRecord } from './records.js';

const one = 'pear-host:0:aaaa';
const two = 'pear-host:1:bbbb';
const far = 'other-host:0:cccc';

/** All pages of the history, one after the other; every page keeps the limit. */
export async function allClosed(
  store: Pick<ConnectionStore, 'closed'>,
  filter: PeerFilter,
  limit: number,
): Promise<ClosedPeer[]> {
  const rows: ClosedPeer[] = [];
  let cursor: string | null = null;
  do {
    const page = await store.closed({ filter, limit, cursor });
    assert.ok(page.closed.length <= limit);
    rows.push(...page.closed);
    cursor = page.cursor;
  } while (cursor !== null);
  return rows;
}

/** To be called within a suite; `open` opens the store of one more worker of an empty view. */
export function historyContract(
  open: (workerId: string) => Promise<ConnectionStore>,
  reaper: () => WorkerReaper,
): void {
  it('gives the history of closed peers latest first, each once, whatever the limit and the filter', async () => {
    const store = await open(one);
    const closed = peerRecords(one, 25).map((peer) => closedPeer(peer, 'kicked by admin-7'));
    await store.flush({ changed: [], closed: closed.slice(0, 10), events: [] });
    await store.flush({ changed: [], closed: closed.slice(10), events: [] });
    for (const limit of [1, 2, 7, 24, 25, 26, 1_000]) {
      assert.deepEqual(await allClosed(store, {}, limit), closed.toReversed(), `limit ${limit}`);
      const filter = { address: '192.0.2.3' };
      const expected = closed.filter(({ peer }) => peer.address === filter.address).toReversed();
      assert.deepEqual(await allClosed(store, filter, limit), expected, `limit ${limit}, with a filter`);
    }
  });

  it('gives no cursor where nothing is left, though the page is just full', async () => {
    const store = await open(one);
    const peers = peerRecords(one, 25);
    await store.flush({ changed: [], closed: peers.map((peer) => closedPeer(peer)), events: [] });
    const matching = peers.filter(({ address }) => address === '192.0.2.3').length;
    for (const [filter, rows] of [[{}, 25] as const, [{ address: '192.0.2.3' }, matching] as const]) {
      const full = await store.closed({ filter, limit: rows, cursor: null });
      assert.deepEqual([full.closed.length, full.cursor], [rows, null]);
      const { cursor } = await store.closed({ filter, limit: rows - 1, cursor: null });
      assert.ok(cursor !== null);
    }
  });

  it('goes on with a page of the history where the last one ended, though more have closed since', async () => {
    const store = await open(one);
    const closed = peerRecords(one, 6).map((peer) => closedPeer(peer));
    await store.flush({ changed: [], closed: closed.slice(0, 4), events: [] });
    const first = await store.closed({ filter: {}, limit: 2, cursor: null });
    await store.flush({ changed: [], closed: closed.slice(4), events: [] });
    const second = await store.closed({ filter: {}, limit: 10, cursor: first.cursor });
    assert.deepEqual([...first.closed, ...second.closed], closed.slice(0, 4).toReversed());
    assert.equal(second.cursor, null);
  });

  it('says since when the history is known', async () => {
    const store = await open(one);
    await store.flush({ changed: [], closed: [closedPeer(peerRecord(one, 1))], events: [] });
    const { since } = await store.closed({ filter: {}, limit: 1, cursor: null });
    assert.ok(since !== null && Math.abs(since - Date.now()) < 60_000, `since ${since}`);
  });

  it('refuses a cursor of the history that it did not give', async () => {
    const store = await open(one);
    await store.flush({ changed: peerRecords(one, 3), closed: [], events: [] });
    const { cursor: ofPeers } = await store.list({ filter: {}, limit: 1, cursor: null });
    assert.ok(ofPeers !== null);
    for (const cursor of ['', 'no cursor', ofPeers, 'A'.repeat(100_000)]) {
      await assert.rejects(store.closed({ filter: {}, limit: 1, cursor }), InvalidMessageError, cursor);
    }
  });

  it('tells events in order, of peers and workers, each with its fields and a higher id than the one before', async () => {
    const store = await open(one);
    const peer = peerRecord(one, 1);
    const told = [
      peerEvent(peer, { type: 'opened' }),
      peerEvent(peer, { type: 'active' }),
      peerEvent(peer, { type: 'draining' }),
      peerEvent(peer, { type: 'kicked', by: '192.0.2.9' }),
      peerEvent(peer, { type: 'closed', reason: 'kicked by 192.0.2.9' }),
      {
        type: 'model changed',
        at: peer.connected_at,
        host: 'pear-host',
        worker: one,
        model: 'next.onnx',
      } as const,
    ];
    await store.flush({ changed: [], closed: [], events: told });
    await (await open(two)).flush({ changed: peerRecords(two, 2), closed: [], events: [] });
    await reaper().removeWorker(two, 'worker died');
    const { events, last } = await store.events({ after: null, limit: 100 });
    assert.ok(events.every(({ at }) => at > 0));
    // Ids and times differ from run to run.
    const bare = (event: ViewEvent) => ({ ...event, id: '', at: 0 });
    assert.deepEqual(
      events.map(bare),
      [
        { type: 'worker up', at: 0, host: 'pear-host', worker: one } as const,
        ...told,
        { type: 'worker up', at: 0, host: 'pear-host', worker: two } as const,
        {
          ...({ type: 'worker down', at: 0, host: 'pear-host', worker: two } as const),
          ...{ reason: 'worker died', peers: 2 },
        },
      ].map(bare),
    );
    assert.equal(events[1]?.at, peer.connected_at);
    const ids = events.map(({ id }) => id.split('-').map(Number));
    for (const [index, [ms = 0, number = 0]] of ids.entries()) {
      const [msBefore = 0, numberBefore = 0] = ids[index - 1] ?? [0, -1];
      assert.ok(ms > msBefore || (ms === msBefore && number > numberBefore), `${ms}-${number}`);
    }
    assert.equal(last, events.at(-1)?.id);
  });

  it('tells what came after an event, as many as asked for, and what to ask for next', async () => {
    const store = await open(one);
    const peers = peerRecords(one, 9);
    // One by one, so that both stores keep their order.
    for (const peer of peers) {
      await store.flush({ changed: [], closed: [], events: [peerEvent(peer, { type: 'opened' })] });
    }
    const tail = await store.events({ after: null, limit: 4 });
    assert.deepEqual(
      tail.events.map(({ peer }) => peer),
      peers.slice(5).map(({ id }) => id),
    );
    const rest = await store.events({ after: tail.events[0]?.id ?? '', limit: 2 });
    assert.deepEqual(rest.events, tail.events.slice(1, 3));
    assert.equal(rest.last, tail.events[2]?.id);
    const none = await store.events({ after: tail.last, limit: 2 });
    assert.deepEqual([none.events, none.last], [[], tail.last]);
    const all = await store.events({ after: '0-0', limit: 100 });
    assert.equal(all.events.length, 10);
    await assert.rejects(store.events({ after: 'no id', limit: 1 }), InvalidMessageError);
  });

  it('finds peers by their ids on several hosts, those that moved too, and leaves out what is not there', async () => {
    const [a, b, c] = [await open(one), await open(two), await open(far)];
    const [stays, moved, other] = [
      peerRecord(one, 1),
      { ...peerRecord(one, 2), worker: two },
      peerRecord(far, 1),
    ];
    await a.flush({ changed: [stays], closed: [], events: [] });
    await b.flush({ changed: [moved], closed: [], events: [] });
    await c.flush({ changed: [other, peerRecord(far, 2)], closed: [], events: [] });
    const ids = [stays.id, moved.id, other.id, 'pear-host/9.x.9', 'nowhere/1.a.1', ''];
    assert.deepEqual(byId(await a.find(ids)), byId([stays, moved, other]));
    assert.deepEqual(await a.find([]), []);
    assert.deepEqual(await a.find(['nowhere/1.a.1']), []);
    for (const peer of [stays, moved, other]) {
      const page = await b.list({ filter: { id: peer.id }, limit: 1, cursor: null });
      assert.deepEqual([page.peers, page.cursor, page.unread], [[peer], null, []]);
    }
    const wrong = await b.list({ filter: { id: stays.id, address: '192.0.2.99' }, limit: 1, cursor: null });
    assert.deepEqual(wrong.peers, []);
  });

  it('names the workers that a list holds, how old each part is, and shows peers that have asked nothing yet', async () => {
    const [a] = [await open(one), await open(two), await open(far)];
    const fresh = peerRecord(one, 1, { state: 'opened' });
    await a.flush({ changed: [fresh], closed: [], events: [] });
    await a.heartbeat(workerRecord(one), 1);
    const page = await a.list({ filter: { state: 'opened' }, limit: 10, cursor: null });
    assert.deepEqual(page.peers, [fresh]);
    assert.deepEqual(
      page.parts.map(({ worker }) => worker),
      [far, one, two],
    );
    for (const { ageMs } of page.parts) assert.ok(ageMs >= 0 && ageMs < 60_000, `age ${ageMs}`);
    const narrowed = await a.list({ filter: { host: 'other-host' }, limit: 10, cursor: null });
    assert.deepEqual(
      narrowed.parts.map(({ worker }) => worker),
      [far],
    );
  });
}
