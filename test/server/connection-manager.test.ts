import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { EmbeddedStore } from '#src/connections/embedded-store.js';
import { EmbeddedView } from '#src/connections/embedded-view.js';
import { createLogger } from '#src/log.js';
import { configSchema } from '#src/config/schema.js';
import { identityOf } from '#src/server/gate.js';
import { ConnectionManager } from '#src/server/connection-manager.js';
import { PeerStats } from '#src/server/peer/peer-stats.js';
import { workerRecord } from '../connections/records.js';

const worker = 'pear-host:0:aaaa';
/** So long that nothing is written but for a reader. */
const neverMs = 1_000_000;

function managerOver(store: EmbeddedStore): ConnectionManager {
  return new ConnectionManager({
    store,
    describeWorker: () => workerRecord(worker),
    flushIntervalMs: neverMs,
    heartbeatIntervalMs: neverMs,
    log: createLogger({ ...configSchema.parse({}).logging, level: 'silent' }, {}),
  });
}

describe("a worker's part in the view", () => {
  let manager: ConnectionManager;
  let peer: PeerStats;
  const told = async () => {
    const { events } = await manager.events({ after: null, limit: 100 });
    return events.flatMap(({ type, peer: id, reason, by }) =>
      id === undefined ? [] : [[type, reason ?? by ?? null]],
    );
  };

  beforeEach(async () => {
    const view = new EmbeddedView({ leaseMs: neverMs });
    const request = (message: Parameters<EmbeddedView['handle']>[1]) =>
      Promise.resolve(view.handle(worker, message));
    manager = managerOver(new EmbeddedStore({ request }, { requestTimeoutMs: 1_000 }));
    await manager.start();
    const origin = {
      id: 'pear-host/0.aaaa.1',
      host: 'pear-host',
      worker,
      address: '192.0.2.1',
      port: 4711,
      tls: false,
    };
    peer = new PeerStats(origin, identityOf('operator'));
    manager.opened(peer);
  });
  afterEach(async () => {
    await manager.stop();
  });

  it('tells each state of a peer once, when it comes to it, and that it closed', async () => {
    manager.changed(peer);
    peer.requests = 1;
    manager.changed(peer);
    peer.requests = 2;
    manager.changed(peer);
    peer.draining = true;
    manager.changed(peer);
    manager.changed(peer);
    manager.gone(peer, 'drain');
    manager.changed(peer);
    assert.deepEqual(await told(), [
      ['opened', null],
      ['active', null],
      ['draining', null],
      ['closed', 'drain'],
    ]);
    const { closed } = await manager.closed({ filter: {}, limit: 10, cursor: null });
    assert.deepEqual(
      closed.map(({ peer: { id, requests }, reason }) => [id, requests, reason]),
      [[peer.origin.id, 2, 'drain']],
    );
  });

  it('tells who has kicked a peer before it tells that it closed', async () => {
    manager.kicked(peer, '192.0.2.9');
    manager.gone(peer, 'kicked by 192.0.2.9');
    assert.deepEqual(await told(), [
      ['opened', null],
      ['kicked', '192.0.2.9'],
      ['closed', 'kicked by 192.0.2.9'],
    ]);
  });

  it('shows its own peers as they are now to whoever reads', async () => {
    peer.requests = 3;
    manager.changed(peer);
    const [found] = await manager.find([peer.origin.id]);
    assert.deepEqual([found?.requests, found?.state], [3, 'active']);
  });
});

it('a store that hangs does not hold up the end', async () => {
  const view = new EmbeddedView({ leaseMs: neverMs });
  let hangs = false;
  const request = (message: Parameters<EmbeddedView['handle']>[1]) =>
    hangs ? new Promise<never>(() => undefined) : Promise.resolve(view.handle(worker, message));
  const manager = managerOver(new EmbeddedStore({ request }, { requestTimeoutMs: 8_000 }));
  await manager.start();
  hangs = true;
  let isAnswered = false;
  const heartbeat = manager.announce().then(() => {
    isAnswered = true;
  });
  await manager.stop();
  assert.equal(isAnswered, false, 'it did not wait for the store');
  await heartbeat;
});

it('brings a store up to date as soon as that says that it answers again', async () => {
  const view = new EmbeddedView({ leaseMs: neverMs });
  const request = (message: Parameters<EmbeddedView['handle']>[1]) =>
    Promise.resolve(view.handle(worker, message));
  let isBack: () => void = () => assert.fail('nobody listens');
  let beats = 0;
  class Store extends EmbeddedStore {
    onBack(listener: () => void): void {
      isBack = listener;
    }

    override heartbeat(...told: Parameters<EmbeddedStore['heartbeat']>): Promise<'ok' | 'resync'> {
      beats += 1;
      return super.heartbeat(...told);
    }
  }
  const manager = managerOver(new Store({ request }, { requestTimeoutMs: 1_000 }));
  await manager.start();
  isBack();
  // In its turn behind the heartbeat.
  await manager.find([]);
  assert.equal(beats, 1);
  await manager.stop();
});
