// What every store of the view keeps to, as one suite: it runs on the Redis store and on the embedded store.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { ClosedPeer } from '#src/connections/record.js';
import type { ConnectionStore, WorkerReaper } from '#src/connections/store.js';
import { byId, closedPeer, listAll, peerRecord, peerRecords, workerRecord } from './records.js';
import { historyContract } from './contract-history.js';
import { listContract } from './contract-lists.js';
import { until } from './until.js';

/** One view, empty at first, and all who may write to it. */
export interface ViewUnderTest {
  /** The store of one more worker, which opens it itself. */
  store(workerId: string): ConnectionStore;
  readonly reaper: WorkerReaper;
  /** The history of closed peers, oldest first. */
  closed(): Promise<readonly ClosedPeer[]>;
  dispose(): Promise<void>;
}

export type ViewFactory = (options: { readonly leaseMs: number }) => Promise<ViewUnderTest>;

const one = 'pear-host:0:aaaa';
const two = 'pear-host:1:bbbb';
const far = 'other-host:0:cccc';
const longLeaseMs = 60_000;
/** Long enough that a busy machine does not end the lease of a worker that has just spoken. */
const shortLeaseMs = 1_000;

export function storeContract(name: string, create: ViewFactory): void {
  describe(`${name}: a store of the view of connections`, () => {
    let view: ViewUnderTest;
    const open = async (workerId: string): Promise<ConnectionStore> => {
      const store = view.store(workerId);
      await store.open(workerRecord(workerId));
      return store;
    };

    beforeEach(async () => {
      view = await create({ leaseMs: longLeaseMs });
    });
    afterEach(async () => {
      await view.dispose();
    });

    it('lists nobody and no worker before anybody has opened it', async () => {
      const store = view.store(one);
      await store.open(workerRecord(one));
      await store.close();
      const reader = await open(two);
      const page = await reader.list({ filter: {}, limit: 10, cursor: null });
      assert.deepEqual([page.peers, page.cursor, page.unread], [[], null, []]);
      assert.deepEqual(
        (await reader.workers()).workers.map(({ record }) => record.worker),
        [two],
      );
    });

    it('shows every worker the peers of all workers, with every key of their records', async () => {
      const [a, b] = [await open(one), await open(far)];
      const plain = peerRecord(one, 1);
      const full = peerRecord(far, 2, {
        address: '2001:db8::1',
        tls: true,
        identity: 'Straße "7" \n',
        role: 'admin',
        state: 'draining',
        requests: 3,
        images: 4,
        errors: 1,
        in_flight: 2,
        bytes_in: 2 ** 40,
        bytes_out: 17,
        last_latency_ms: 12.75,
        last_result: -1,
      });
      await a.flush({ events: [], changed: [plain], closed: [] });
      await b.flush({ events: [], changed: [full], closed: [] });
      for (const reader of [a, b]) assert.deepEqual(byId(await listAll(reader)), [full, plain]);
    });

    it('shows the latest record of a peer that changed', async () => {
      const store = await open(one);
      await store.flush({ events: [], changed: [peerRecord(one, 1)], closed: [] });
      const changed = peerRecord(one, 1, { requests: 5, last_result: 0 });
      await store.flush({ events: [], changed: [changed], closed: [] });
      assert.deepEqual(await listAll(store), [changed]);
    });

    it('forgets a peer that closed and keeps its last record with the reason', async () => {
      const store = await open(one);
      const [stays, goes] = [peerRecord(one, 1), peerRecord(one, 2)];
      await store.flush({ events: [], changed: [stays, goes], closed: [] });
      const last = closedPeer({ ...goes, requests: 9 }, 'slow reader');
      await store.flush({ events: [], changed: [], closed: [last] });
      assert.deepEqual(await listAll(store), [stays]);
      assert.deepEqual(await view.closed(), [last]);
    });

    it('never lists a peer that opened and closed within one flush, but remembers it', async () => {
      const store = await open(one);
      const brief = closedPeer(peerRecord(one, 1));
      await store.flush({ events: [], changed: [], closed: [brief] });
      assert.deepEqual(await listAll(store), []);
      assert.deepEqual(await view.closed(), [brief]);
      assert.equal(await store.heartbeat(workerRecord(one), 0), 'ok');
    });

    it('takes an empty flush', async () => {
      const store = await open(one);
      await store.flush({ events: [], changed: [], closed: [] });
      assert.equal(await store.heartbeat(workerRecord(one), 0), 'ok');
    });

    it('takes a flush of thousands of peers', async () => {
      const store = await open(one);
      const peers = peerRecords(one, 2_345);
      await store.flush({ events: [], changed: peers, closed: [] });
      assert.equal(await store.heartbeat(workerRecord(one), peers.length), 'ok');
      await store.flush({
        events: [],
        changed: [],
        closed: peers.slice(0, 1_234).map((peer) => closedPeer(peer)),
      });
      assert.deepEqual(byId(await listAll(store, { limit: 500 })), byId(peers.slice(1_234)));
    });

    it('shows what a heartbeat says of the worker, and how long ago that was', async () => {
      const [a, b] = [await open(one), await open(far)];
      const busy = workerRecord(one, { state: 'draining', requests: 17, images_per_second: 12.5, queued: 3 });
      assert.equal(await a.heartbeat(busy, 0), 'ok');
      const { workers: views } = await b.workers();
      assert.deepEqual(
        views.map(({ record }) => record),
        [workerRecord(far), busy],
      );
      for (const { ageMs } of views) assert.ok(ageMs >= 0 && ageMs < longLeaseMs, `age ${ageMs}`);
    });

    it('asks for a resync where the count of peers differs', async () => {
      const store = await open(one);
      await store.flush({ events: [], changed: peerRecords(one, 3), closed: [] });
      assert.equal(await store.heartbeat(workerRecord(one), 3), 'ok');
      assert.equal(await store.heartbeat(workerRecord(one), 2), 'resync');
      assert.equal(await store.heartbeat(workerRecord(one), 4), 'resync');
    });

    for (const count of [0, 1, 700]) {
      it(`replaces all of a worker's peers at a resync, by ${count}`, async () => {
        const [a, b] = [await open(one), await open(two)];
        const others = peerRecords(two, 2);
        await a.flush({ events: [], changed: peerRecords(one, 5), closed: [] });
        await b.flush({ events: [], changed: others, closed: [] });
        const now = Array.from({ length: count }, (_, n) => peerRecord(one, 1_000 + n));
        await a.resync(workerRecord(one), now);
        assert.deepEqual(byId(await listAll(b)), byId([...now, ...others]));
        assert.equal(await a.heartbeat(workerRecord(one), count), 'ok');
      });
    }

    it('asks a worker that was removed for a resync, which brings it back whole', async () => {
      const [a, b] = [await open(one), await open(two)];
      const peers = peerRecords(one, 3);
      await a.flush({ events: [], changed: peers, closed: [] });
      await view.reaper.removeWorker(one, 'worker died');
      assert.deepEqual(await listAll(b), []);
      await a.flush({ events: [], changed: peers, closed: [] });
      assert.equal(await a.heartbeat(workerRecord(one), 3), 'resync');
      await a.resync(workerRecord(one), peers);
      assert.equal(await a.heartbeat(workerRecord(one), 3), 'ok');
      assert.deepEqual(byId(await listAll(b)), byId(peers));
    });

    it("moves a dead worker's peers to the history with the reason, and nobody else's", async () => {
      const [a, b] = [await open(one), await open(two)];
      const [dead, alive] = [peerRecords(one, 3), peerRecords(two, 2)];
      await a.flush({ events: [], changed: dead, closed: [] });
      await b.flush({ events: [], changed: alive, closed: [] });
      await view.reaper.removeWorker(one, 'worker died');
      assert.deepEqual(byId(await listAll(b)), byId(alive));
      assert.deepEqual(
        (await b.workers()).workers.map(({ record }) => record.worker),
        [two],
      );
      const history = await view.closed();
      assert.deepEqual(byId(history.map(({ peer }) => peer)), byId(dead));
      assert.deepEqual(new Set(history.map(({ reason }) => reason)), new Set(['worker died']));
    });

    it('writes at most 1,000 rows of history for one dead worker', async () => {
      const [a, b] = [await open(one), await open(two)];
      await a.flush({ events: [], changed: peerRecords(one, 1_500), closed: [] });
      await view.reaper.removeWorker(one, 'worker died');
      const history = await view.closed();
      assert.equal(history.length, 1_000);
      assert.equal(new Set(history.map(({ peer }) => peer.id)).size, 1_000);
      assert.deepEqual(await listAll(b), []);
    });

    it('does nothing where a worker is removed that is not there', async () => {
      const store = await open(one);
      await view.reaper.removeWorker(far, 'worker died');
      assert.deepEqual(await view.closed(), []);
      assert.equal((await store.workers()).workers.length, 1);
    });

    it('removes a worker that closes, without a trace in the history', async () => {
      const [a, b] = [await open(one), await open(two)];
      await a.flush({ events: [], changed: peerRecords(one, 3), closed: [] });
      await a.close();
      assert.deepEqual(await listAll(b), []);
      assert.equal((await b.workers()).workers.length, 1);
      assert.deepEqual(await view.closed(), []);
    });

    it('removes a worker whose lease has run out and brings it back when it speaks again', async () => {
      await view.dispose();
      view = await create({ leaseMs: shortLeaseMs });
      const [silent, speaking] = [await open(one), await open(two)];
      const peers = peerRecords(one, 3);
      await silent.flush({ events: [], changed: peers, closed: [] });
      await until('the silent worker is gone', async () => {
        await speaking.heartbeat(workerRecord(two), 0);
        return (await speaking.workers()).workers.every(({ record }) => record.worker !== one);
      });
      assert.deepEqual(await listAll(speaking), []);
      const history = await view.closed();
      assert.deepEqual(byId(history.map(({ peer }) => peer)), peers);
      assert.deepEqual(new Set(history.map(({ reason }) => reason)), new Set(['worker died']));
      assert.equal(await silent.heartbeat(workerRecord(one), 3), 'resync');
      await silent.resync(workerRecord(one), peers);
      assert.deepEqual(byId(await listAll(silent)), peers);
    });

    listContract(open);
    historyContract(open, () => view.reaper);
  });
}
