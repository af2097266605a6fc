// A worker's store while Redis comes and goes: what is written where, and what readers are told. Redis is a store over a
// view in memory that can be cut off.
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { EmbeddedStore } from '#src/connections/embedded-store.js';
import { EmbeddedView } from '#src/connections/embedded-view.js';
import { FallbackStore } from '#src/connections/fallback-store.js';
import { chunkSize } from '#src/connections/limits.js';
import type { ViewRequest } from '#src/connections/view-messages.js';
import { StoreUnavailableError } from '#src/errors.js';
import { closedPeer, listAll, peerEvent, peerRecord, peerRecords, workerRecord } from './records.js';
import { until } from './until.js';

const one = 'pear-host:0:aaaa';
const two = 'pear-host:1:bbbb';
const leaseMs = 60_000;
const requestTimeoutMs = 10_000;

const gone = () => Promise.reject(new Error('gone'));
const heldUp = () => new Promise<never>(() => undefined);

describe('the store of a worker, when Redis', () => {
  let shared: EmbeddedView;
  let memory: EmbeddedView;
  let isCut: boolean;
  let primaryIs: (() => Promise<never>) | null;
  let serving: readonly string[];
  let store: FallbackStore;
  const peers = peerRecords(one, 3);
  const over = (view: EmbeddedView, isAway: () => boolean) =>
    new EmbeddedStore(
      {
        request: (message: ViewRequest) =>
          isAway() ? Promise.reject(new Error('cut off')) : Promise.resolve(view.handle(one, message)),
      },
      { requestTimeoutMs },
    );
  /** What the owner of the store does at every heartbeat. */
  const beat = async () => {
    const answer = await store.heartbeat(workerRecord(one), peers.length);
    if (answer === 'resync') await store.resync(workerRecord(one), peers);
    return answer;
  };
  const returned = () =>
    until('it has returned', async () => {
      await beat();
      return memory.workerCount === 0;
    });
  /** Redis is back and has missed more than one piece; each telling of it has time for one. */
  const missPieces = async () => {
    store = new FallbackStore(
      over(shared, () => isCut),
      over(memory, () => false),
      0,
    );
    await store.open(workerRecord(one));
    isCut = true;
    const closed = Array.from({ length: chunkSize + 1 }, (_none, number) =>
      closedPeer(peerRecord(one, 10 + number)),
    );
    await assert.rejects(store.flush({ changed: [], closed, events: [] }), StoreUnavailableError);
    isCut = false;
  };
  const partCount = async () => (await store.list({ filter: {}, limit: 10, cursor: null })).parts.length;
  const eventsOf = async (view: EmbeddedView) =>
    (await view.events({ after: null, limit: 100 })).events.map(({ type }) => type);

  beforeEach(async () => {
    shared = new EmbeddedView({ leaseMs });
    memory = new EmbeddedView({ leaseMs, serving: () => serving, isFallback: true });
    serving = [one];
    isCut = false;
    primaryIs = null;
    store = new FallbackStore(
      over(shared, () => isCut),
      new EmbeddedStore(
        {
          request: (message: ViewRequest) => primaryIs?.() ?? Promise.resolve(memory.handle(one, message)),
        },
        { requestTimeoutMs },
      ),
      leaseMs,
    );
    await store.open(workerRecord(one));
    await store.flush({ changed: peers, closed: [], events: [] });
  });

  it('is there, leaves the memory of the primary alone', async () => {
    assert.equal(await beat(), 'ok');
    assert.equal(memory.workerCount, 0);
    assert.deepEqual(await listAll(store), peers);
  });

  it('fails at a flush: what happened is not lost, and the next heartbeat brings everything to the memory', async () => {
    serving = [one, two];
    isCut = true;
    const gone = closedPeer(peerRecord(one, 9));
    const events = [peerEvent(gone.peer, { type: 'closed', reason: 'client' })];
    await assert.rejects(store.flush({ changed: [], closed: [gone], events }), StoreUnavailableError);
    assert.equal(await beat(), 'resync');
    const page = await store.list({ filter: {}, limit: 10, cursor: null });
    assert.deepEqual([page.peers, page.unread], [peers, [two]]);
    assert.deepEqual((await store.closed({ filter: {}, limit: 10, cursor: null })).closed, [gone]);
    assert.deepEqual(await eventsOf(memory), ['closed'], 'the switch itself is no event');
    assert.equal(await store.heartbeat(workerRecord(one), 3), 'ok');
    assert.deepEqual((await store.workers()).unread, [two]);
  });

  it('is away for another worker of this host alone: that is named, and its connections are found by their ids', async () => {
    serving = [one, two];
    assert.deepEqual((await store.list({ filter: {}, limit: 10, cursor: null })).unread, [two]);
    assert.deepEqual((await store.workers()).unread, [two]);
    const [elsewhere = assert.fail()] = peerRecords(two, 1);
    memory.handle(two, { type: 'open', worker: workerRecord(two) });
    memory.handle(two, { type: 'flush', changes: { changed: [elsewhere], closed: [], events: [] } });
    assert.deepEqual((await store.list({ filter: {}, limit: 10, cursor: null })).unread, [two]);
    const [here = assert.fail()] = peers;
    assert.deepEqual(await store.find([elsewhere.id, here.id, 'nobody']), [elsewhere, here]);
  });

  it('is away for a short time: it is told as soon as it answers again, before the next heartbeat', async () => {
    let looks = 0;
    store = new FallbackStore(
      over(shared, () => {
        looks += 1;
        return isCut;
      }),
      over(memory, () => false),
      150,
    );
    await store.open(workerRecord(one));
    let backs = 0;
    const back = new Promise<void>((resolve) => {
      store.onBack(() => {
        backs += 1;
        resolve();
      });
    });
    isCut = true;
    await assert.rejects(store.flush({ changed: peers, closed: [], events: [] }), StoreUnavailableError);
    const looksBefore = looks;
    await until('it was looked at in vain', () => Promise.resolve(looks >= looksBefore + 2));
    assert.equal(backs, 0);
    isCut = false;
    // Timers of the store do not keep a process.
    const alive = setInterval(() => undefined, 1_000);
    await back;
    clearInterval(alive);
    assert.equal(await beat(), 'resync');
    assert.equal(memory.workerCount, 0);
    assert.deepEqual(await listAll(store), peers);
    assert.equal(backs, 1);
  });

  it('takes everything and then nothing, again and again: it is looked at less and less often', async () => {
    let takes = Infinity;
    const looks: number[] = [];
    const redis = over(shared, () => takes-- <= 0);
    const heartbeat = redis.heartbeat.bind(redis);
    redis.heartbeat = (...args) => {
      looks.push(performance.now());
      return heartbeat(...args);
    };
    store = new FallbackStore(
      redis,
      over(memory, () => false),
      3_000,
    );
    await store.open(workerRecord(one));
    const backs = () =>
      new Promise<void>((resolve) => {
        store.onBack(resolve);
      });
    const alive = setInterval(() => undefined, 1_000);
    const delays: number[] = [];
    for (let outage = 0; outage < 4; outage++) {
      takes = 0;
      await assert.rejects(store.flush({ changed: peers, closed: [], events: [] }), StoreUnavailableError);
      // The look and the resync succeed, and nothing after them.
      takes = 2;
      const failedAt = performance.now();
      await backs();
      delays.push(performance.now() - failedAt);
      await store.resync(workerRecord(one), []);
    }
    clearInterval(alive);
    // 100 to 200 ms, then twice as much each time.
    assert.ok((delays[3] ?? 0) > (delays[0] ?? 0) + 100, delays.join(', '));
  });

  it('is back, and the worker ends before all is told: the rest is told on the way', async () => {
    await missPieces();
    await returned();
    await store.close();
    const told = await shared.closed({ filter: {}, limit: 1_000, cursor: null });
    assert.equal(told.closed.filter(({ reason }) => reason !== 'drain').length, chunkSize + 1);
  });

  it('is there, a primary that is gone costs no answer, and one that is held up a second', async () => {
    serving = [one, two];
    for (const primary of [gone, heldUp]) {
      primaryIs = primary;
      const began = performance.now();
      const { peers: listed, unread } = await store.list({ filter: {}, limit: 10, cursor: null });
      assert.deepEqual([listed, unread], [peers, []]);
      assert.deepEqual(await store.find(['nobody']), []);
      // The channel itself waits for longer.
      assert.ok(performance.now() - began < requestTimeoutMs / 2);
    }
  });

  it('is back, and slow: it is told a piece of what it has missed after each heartbeat', async () => {
    await missPieces();
    const toldCount = async () =>
      (await shared.closed({ filter: {}, limit: 1_000, cursor: null })).closed.length;
    await returned();
    assert.equal(await toldCount(), chunkSize);
    await beat();
    assert.equal(await toldCount(), chunkSize + 1);
  });

  it('is back: the store returns to it within two heartbeats and leaves the memory quietly', async () => {
    isCut = true;
    assert.equal(await beat(), 'resync');
    isCut = false;
    await returned();
    assert.deepEqual(await listAll(store), peers);
    assert.equal(await partCount(), 1);
    assert.deepEqual(await eventsOf(memory), []);
    assert.deepEqual((await shared.closed({ filter: {}, limit: 10, cursor: null })).closed, []);
  });

  it('is back: it is told what has closed and happened meanwhile, once', async () => {
    isCut = true;
    const rows = [8, 9].map((number) => closedPeer(peerRecord(one, number)));
    const changes = rows.map((row) => ({
      changed: [],
      closed: [row],
      events: [peerEvent(row.peer, { type: 'closed', reason: 'client' })],
    }));
    const [first, second] = changes;
    assert.ok(first !== undefined && second !== undefined);
    await assert.rejects(store.flush(first), StoreUnavailableError);
    await beat();
    await store.flush(second);
    isCut = false;
    await returned();
    await beat();
    const { closed } = await shared.closed({ filter: {}, limit: 10, cursor: null });
    assert.deepEqual(closed.map(({ peer }) => peer.id).sort(), rows.map(({ peer }) => peer.id).sort());
    assert.equal((await eventsOf(shared)).filter((type) => type === 'closed').length, 2);
  });

  it('goes away again while everything is on its way to it: the memory has it all the same', async () => {
    isCut = true;
    await beat();
    isCut = false;
    await until('the store asks for everything', async () => {
      return (await store.heartbeat(workerRecord(one), peers.length)) === 'resync';
    });
    isCut = true;
    const now = peers.slice(1);
    await store.resync(workerRecord(one), now);
    const page = await store.list({ filter: {}, limit: 10, cursor: null });
    assert.deepEqual(page.peers, now);
  });

  it('is never there: the worker stands in the memory from its start', async () => {
    memory = new EmbeddedView({ leaseMs, isFallback: true });
    store = new FallbackStore(
      over(shared, () => true),
      over(memory, () => false),
      leaseMs,
    );
    await store.open(workerRecord(one));
    assert.equal(await store.heartbeat(workerRecord(one), 0), 'ok');
    assert.deepEqual(await eventsOf(memory), ['worker up']);
  });

  it('is away when the worker ends: it leaves the memory in order', async () => {
    isCut = true;
    await beat();
    await store.close();
    assert.deepEqual(await eventsOf(memory), ['worker down']);
  });
});
