// Any order of opening, flushing, closing, heartbeats, resyncs and deaths leaves the view as a plain Map
// would be.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import type { PeerRecord } from '#src/connections/record.js';
import type { ConnectionStore } from '#src/connections/store.js';
import { startRedisServer, type RedisServer } from '../support/redis-server.js';
import { allClosed } from './contract-history.js';
import type { ViewFactory, ViewUnderTest } from './contract.js';
import { byId, closedPeer, listAll, peerEvent, peerRecord, workerRecord } from './records.js';
import { createEmbeddedView, redisViewFactory } from './views.js';

const workerIds = ['pear-host:0:aaaa', 'pear-host:1:bbbb', 'other-host:0:cccc'] as const;

/** The view as it should be: worker → its peers. A worker that is not in it has not opened, or has gone. */
type Model = Map<string, Map<string, PeerRecord>>;

interface Real {
  readonly view: ViewUnderTest;
  readonly stores: Map<string, ConnectionStore>;
  /** The ids of closed peers so far, those of dead workers included. */
  readonly closedIds: string[];
  /** The ids of peers whose closing was told, in order. */
  readonly toldIds: string[];
}

interface Step {
  /** Steps that the model forbids are left out. */
  readonly check: (model: Readonly<Model>) => boolean;
  readonly run: (model: Model, real: Real) => Promise<void>;
  readonly toString: () => string;
}

const worker = fc.constantFrom(...workerIds);
const sequences = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 12 });

const openWorker = worker.map((id) =>
  step(
    `open ${id}`,
    (model) => !model.has(id),
    async (model, real) => {
      const store = real.view.store(id);
      await store.open(workerRecord(id));
      real.stores.set(id, store);
      model.set(id, new Map());
    },
  ),
);

const flush = fc.tuple(worker, sequences, sequences, fc.nat()).map(([id, changed, closed, requests]) =>
  step(`flush ${id}: changed ${changed.join()}, closed ${closed.join()}`, isOpen(id), async (model, real) => {
    const records = changed.map((n) => peerRecord(id, n, { requests }));
    const gone = closed.map((n) => closedPeer(peerRecord(id, n)));
    const events = gone.map(({ peer }) => peerEvent(peer, { type: 'closed', reason: 'client' }));
    await storeOf(real, id).flush({ events, changed: records, closed: gone });
    real.toldIds.push(...gone.map(({ peer }) => peer.id));
    for (const record of records) model.get(id)?.set(record.id, record);
    for (const { peer } of gone) model.get(id)?.delete(peer.id);
    real.closedIds.push(...gone.map(({ peer }) => peer.id));
  }),
);

const heartbeat = fc.tuple(worker, fc.integer({ min: -1, max: 1 })).map(([id, off]) =>
  step(`heartbeat ${id} ${off}`, isOpen(id), async (model, real) => {
    const count = Math.max(0, sizeOf(model, id) + off);
    const answer = await storeOf(real, id).heartbeat(workerRecord(id), count);
    assert.equal(answer, count === sizeOf(model, id) ? 'ok' : 'resync');
  }),
);

const resync = fc.tuple(worker, sequences).map(([id, numbers]) =>
  step(`resync ${id}: ${numbers.join()}`, isOpen(id), async (model, real) => {
    const records = numbers.map((n) => peerRecord(id, n));
    await storeOf(real, id).resync(workerRecord(id), records);
    model.set(id, new Map(records.map((record) => [record.id, record])));
  }),
);

const closeWorker = worker.map((id) =>
  step(`close ${id}`, isOpen(id), async (model, real) => {
    await storeOf(real, id).close();
    model.delete(id);
  }),
);

const removeWorker = worker.map((id) =>
  step(`remove ${id}`, isOpen(id), async (model, real) => {
    await real.view.reaper.removeWorker(id, 'worker died');
    real.closedIds.push(...(model.get(id)?.keys() ?? []));
    model.delete(id);
  }),
);

const list = fc
  .tuple(
    worker,
    fc.integer({ min: 1, max: 60 }),
    fc.constantFrom({}, { host: 'pear-host' }, { address: '192.0.2.3' }),
  )
  .map(([id, limit, filter]) =>
    step(`list by ${id}, limit ${limit}, ${JSON.stringify(filter)}`, isOpen(id), async (model, real) => {
      const all = [...model.values()].flatMap((peers) => [...peers.values()]);
      const expected = all.filter(
        (peer) =>
          (!('host' in filter) || peer.host === filter.host) &&
          (!('address' in filter) || peer.address === filter.address),
      );
      assert.deepEqual(byId(await listAll(storeOf(real, id), { filter, limit })), byId(expected));
      const { workers: views } = await storeOf(real, id).workers();
      assert.deepEqual(
        views.map(({ record }) => record.worker),
        [...model.keys()].sort(),
      );
      const closed = await allClosed(storeOf(real, id), {}, limit);
      assert.deepEqual(closed.map(({ peer }) => peer.id).sort(), real.closedIds.toSorted());
      assert.deepEqual(await toldClosed(storeOf(real, id), limit), real.toldIds);
      const ids = all.map((peer) => peer.id);
      assert.deepEqual(byId(await storeOf(real, id).find([...ids, 'nowhere/1.a.1'])), byId(all));
    }),
  );

describe('the view of connections', () => {
  let server: RedisServer;
  before(async () => {
    server = await startRedisServer();
  });
  after(async () => {
    await server.dispose();
  });

  it('is what a plain Map would be, after any steps (embedded store)', () =>
    checkModel(createEmbeddedView, 150));
  it('is what a plain Map would be, after any steps (Redis store)', () =>
    checkModel(
      redisViewFactory(() => server),
      60,
    ));
});

async function checkModel(create: ViewFactory, numRuns: number): Promise<void> {
  const steps = fc.commands(
    [openWorker, openWorker, flush, flush, heartbeat, resync, closeWorker, removeWorker, list],
    {
      maxCommands: 40,
      size: 'max',
    },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (commands) => {
      const view = await create({ leaseMs: 60_000 });
      try {
        const setup = () => ({
          model: new Map() satisfies Model,
          real: { view, stores: new Map(), closedIds: [], toldIds: [] },
        });
        await fc.asyncModelRun(setup, commands);
      } finally {
        await view.dispose();
      }
    }),
    { numRuns },
  );
}

/** The peers whose closing is told, read from the first event on by pieces. */
async function toldClosed(store: ConnectionStore, limit: number): Promise<string[]> {
  const ids: string[] = [];
  for (let after = '0-0'; ;) {
    const { events, last } = await store.events({ after, limit });
    if (events.length === 0) return ids;
    ids.push(...events.flatMap(({ type, peer }) => (type === 'closed' && peer !== undefined ? [peer] : [])));
    after = last ?? after;
  }
}

function step(name: string, check: Step['check'], run: Step['run']): Step {
  return { check, run, toString: () => name };
}

function isOpen(id: string): Step['check'] {
  return (model) => model.has(id);
}

function sizeOf(model: Readonly<Model>, id: string): number {
  return model.get(id)?.size ?? 0;
}

function storeOf(real: Real, id: string): ConnectionStore {
  const store = real.stores.get(id);
  assert(store !== undefined);
  return store;
}
