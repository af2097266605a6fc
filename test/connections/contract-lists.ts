// The part of the contract of the stores that is about lists: filters, pages and cursors.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { InvalidMessageError } from '#src/errors.js';
import type { ConnectionStore } from '#src/connections/store.js';
import { byId, closedPeer, listAll, peerRecord, peerRecords } from './records.js';

const one = 'pear-host:0:aaaa';
const two = 'pear-host:1:bbbb';
const far = 'other-host:0:cccc';

/** To be called within a suite; `open` opens the store of one more worker of an empty view. */
export function listContract(open: (workerId: string) => Promise<ConnectionStore>): void {
  it('narrows a list by each filter and by several at once', async () => {
    const [a, b] = [await open(one), await open(far)];
    const peers = [
      ...peerRecords(one, 40),
      ...Array.from({ length: 40 }, (_, n) =>
        peerRecord(far, n, { state: n % 2 === 0 ? 'draining' : 'active' }),
      ),
    ];
    await a.flush({ events: [], changed: peers.slice(0, 40), closed: [] });
    await b.flush({ events: [], changed: peers.slice(40), closed: [] });
    const filters = [
      { host: 'other-host' },
      { host: 'pear' },
      { worker: one },
      { address: '192.0.2.3' },
      { identity: 'camera-1' },
      { state: 'draining' },
      { host: 'other-host', state: 'active', address: '192.0.2.1' },
      { host: 'pear-host', worker: far },
    ] as const;
    for (const filter of filters) {
      const expected = peers.filter((peer) => has(peer, filter));
      for (const limit of [1, 7, 1_000]) {
        assert.deepEqual(
          byId(await listAll(a, { filter, limit })),
          byId(expected),
          JSON.stringify({ filter, limit }),
        );
      }
    }
  });

  it('shows a peer once that stands with two workers, as one that is moving does', async () => {
    const [from, to] = [await open(one), await open(two)];
    const peers = peerRecords(one, 3);
    await from.flush({ events: [], changed: peers, closed: [] });
    await to.flush({
      events: [],
      changed: peers.slice(1, 2).map((peer) => ({ ...peer, worker: two })),
      closed: [],
    });
    const page = await to.list({ filter: {}, limit: 10, cursor: null });
    assert.deepEqual(
      byId(page.peers).map(({ id }) => id),
      peers.map(({ id }) => id),
    );
    assert.equal(page.cursor, null);
  });

  it('gives every peer exactly once, whatever the limit of a page', async () => {
    const workers = [one, two, far];
    const peers = workers.flatMap((worker) => peerRecords(worker, 11));
    for (const worker of workers) {
      await (
        await open(worker)
      ).flush({ events: [], changed: peers.filter((peer) => peer.worker === worker), closed: [] });
    }
    const reader = await open('reader:0:dddd');
    for (let limit = 1; limit <= peers.length + 1; limit++) {
      assert.deepEqual(byId(await listAll(reader, { limit })), byId(peers), `limit ${limit}`);
    }
  });

  it('gives every peer that stays exactly once while others come and go between the pages', async () => {
    const [a, b] = [await open(one), await open(two)];
    const staying = [...peerRecords(one, 150), ...peerRecords(two, 150)];
    await a.flush({ events: [], changed: staying.slice(0, 150), closed: [] });
    await b.flush({ events: [], changed: staying.slice(150), closed: [] });
    const ids: string[] = [];
    let cursor: string | null = null;
    let guests = [peerRecord(one, 10_000), peerRecord(one, 10_001)];
    await a.flush({ events: [], changed: guests, closed: [] });
    for (let round = 1; ; round++) {
      const page = await b.list({ filter: {}, limit: 13, cursor });
      ids.push(...page.peers.map(({ id }) => id));
      cursor = page.cursor;
      if (cursor === null) break;
      const next = [peerRecord(one, 10_000 + 2 * round), peerRecord(one, 10_001 + 2 * round)];
      await a.flush({ events: [], changed: next, closed: guests.map((peer) => closedPeer(peer)) });
      guests = next;
    }
    const expected = new Set(staying.map(({ id }) => id));
    assert.deepEqual(ids.filter((id) => expected.has(id)).sort(), [...expected].sort());
  });

  it('goes on with the next worker where the one that a cursor names is gone', async () => {
    const [a, b, c] = [await open(far), await open(one), await open(two)];
    for (const [store, worker] of [
      [a, far],
      [b, one],
      [c, two],
    ] as const) {
      await store.flush({ events: [], changed: peerRecords(worker, 5), closed: [] });
    }
    const first = await c.list({ filter: {}, limit: 7, cursor: null });
    await b.close();
    const second = await c.list({ filter: {}, limit: 100, cursor: first.cursor });
    assert.deepEqual(byId(second.peers), peerRecords(two, 5));
    assert.equal(second.cursor, null);
  });

  it('refuses a cursor that it did not give', async () => {
    const store = await open(one);
    const foreign = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const cursors = [
      '',
      'no cursor',
      '"',
      foreign(null),
      foreign({}),
      foreign({ store: 'other', worker: one }),
      foreign({ store: store.kind, worker: 1, peer: 2, scan: 'x', prefix: '', rest: [] }),
      foreign({ store: store.kind, worker: one, peer: 'x', scan: '0', prefix: '', rest: [], more: 1 }),
      'A'.repeat(100_000),
    ];
    for (const cursor of cursors) {
      await assert.rejects(store.list({ filter: {}, limit: 1, cursor }), (error) => {
        assert.ok(error instanceof InvalidMessageError, cursor);
        assert.match(error.message, /^cursor /);
        return true;
      });
    }
  });
}

/** Whether the record holds each of these keys with the same value. */
function has(record: object, part: object): boolean {
  const entries = new Map<string, unknown>(Object.entries(record));
  return Object.entries(part).every(([key, value]) => entries.get(key) === value);
}
