// What only the embedded store does: a view with a clock of its own, and requests that fail or get no answer.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EmbeddedStore } from '#src/connections/embedded-store.js';
import { EmbeddedView } from '#src/connections/embedded-view.js';
import type { ViewReply, ViewRequest } from '#src/connections/view-messages.js';
import { StoreUnavailableError } from '#src/errors.js';
import { closedPeer, peerRecords, workerRecord } from './records.js';

const one = 'pear-host:0:aaaa';
const two = 'pear-host:1:bbbb';

describe('the view in memory', () => {
  it('ends a lease by its own clock, to the millisecond', async () => {
    let now = 1_000;
    const view = new EmbeddedView({ leaseMs: 15_000, now: () => now });
    view.handle(one, { type: 'open', worker: workerRecord(one) });
    now += 15_000;
    assert.deepEqual((await view.workers()).workers, [{ record: workerRecord(one), ageMs: 15_000 }]);
    now += 1;
    assert.deepEqual((await view.workers()).workers, []);
  });

  it('remembers at least the last 10,000 closed peers, and not many more', async () => {
    const view = new EmbeddedView({ leaseMs: 15_000 });
    view.handle(one, { type: 'open', worker: workerRecord(one) });
    const closed = peerRecords(one, 25_000).map((peer) => closedPeer(peer));
    for (let start = 0; start < closed.length; start += 100) {
      const changes = { events: [], changed: [], closed: closed.slice(start, start + 100) };
      view.handle(one, { type: 'flush', changes });
    }
    const { closed: history } = await view.closed({ filter: {}, limit: 25_000, cursor: null });
    assert.ok(history.length >= 10_000 && history.length <= 11_000, `${history.length} rows`);
    assert.deepEqual(history[0], closed.at(-1));
  });

  it('keeps peers by the worker that sent them, whatever they say', async () => {
    const view = new EmbeddedView({ leaseMs: 15_000 });
    view.handle(one, { type: 'open', worker: workerRecord(one) });
    view.handle(two, { type: 'flush', changes: { events: [], changed: peerRecords(one, 3), closed: [] } });
    const { peers } = await view.list({ filter: {}, limit: 10, cursor: null });
    assert.deepEqual(peers, []);
  });
});

describe('the embedded store', () => {
  it('fails where the primary is gone, and asks for a resync at the next heartbeat that arrives', async () => {
    const view = new EmbeddedView({ leaseMs: 15_000 });
    let connected = true;
    const store = new EmbeddedStore(
      {
        request: (message) =>
          connected
            ? Promise.resolve(view.handle(one, message))
            : Promise.reject(new Error('channel closed')),
      },
      { requestTimeoutMs: 1_000 },
    );
    const peers = peerRecords(one, 2);
    await store.open(workerRecord(one));
    await store.flush({ events: [], changed: peers, closed: [] });
    connected = false;
    await assert.rejects(store.flush({ events: [], changed: peers, closed: [] }), unavailable);
    await assert.rejects(store.list({ filter: {}, limit: 1, cursor: null }), unavailable);
    await assert.rejects(store.workers(), unavailable);
    connected = true;
    assert.equal(await store.heartbeat(workerRecord(one), 2), 'resync');
    await store.resync(workerRecord(one), peers);
    assert.equal(await store.heartbeat(workerRecord(one), 2), 'ok');
  });

  it('fails where no answer comes in time', async () => {
    const store = new EmbeddedStore(
      { request: () => new Promise(() => undefined) },
      { requestTimeoutMs: 20 },
    );
    await assert.rejects(store.heartbeat(workerRecord(one), 0), unavailable);
  });

  it('fails where the answer belongs to another question', async () => {
    const request = (message: ViewRequest): Promise<ViewReply> =>
      Promise.resolve(
        message.type === 'list'
          ? { type: 'workers', page: { workers: [], unread: [], scope: 'this host' } }
          : { type: 'done' },
      );
    const store = new EmbeddedStore({ request }, { requestTimeoutMs: 1_000 });
    await assert.rejects(store.list({ filter: {}, limit: 1, cursor: null }), unavailable);
    await assert.rejects(store.workers(), unavailable);
    await assert.rejects(store.heartbeat(workerRecord(one), 0), unavailable);
  });

  it('closes without complaint where the primary is gone', async () => {
    const store = new EmbeddedStore(
      { request: () => Promise.reject(new Error('channel closed')) },
      { requestTimeoutMs: 1_000 },
    );
    await store.close();
  });
});

function unavailable(error: unknown): boolean {
  return error instanceof StoreUnavailableError;
}
