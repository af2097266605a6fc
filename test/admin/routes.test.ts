// What the routes of the admin HTTP answer, asked of a real server over a view in memory.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { EmbeddedView } from '#src/connections/embedded-view.js';
import { closedPeerSchema, peerRecordSchema, storedEventSchema } from '#src/connections/record.js';
import type { PeerPage, PeerQuery } from '#src/connections/store.js';
import { InvalidMessageError } from '#src/errors.js';
import { closedPeer, peerRecord, peerRecords, workerRecord } from '../connections/records.js';
import { ask, connect, errorOf, newView, startAdmin, tell, workers } from './admin.js';

const listSchema = z.object({
  peers: z.array(peerRecordSchema),
  cursor: z.string().nullable(),
  unread: z.array(z.string()),
  workers: z.array(z.object({ worker: z.string(), age_ms: z.int() })),
  scope: z.string(),
  rows_sorted: z.int().optional(),
  all_sorted: z.boolean().optional(),
  truncated: z.boolean().optional(),
});
const [first, second] = workers;

/** Its cursors are good no more: once, or as often as they come where `refusals` is below 0. */
class MovingView extends EmbeddedView {
  refusals = 0;

  override list(query: PeerQuery): Promise<PeerPage> {
    if (query.cursor === null || this.refusals > 0) return super.list(query);
    if (this.refusals === 0) this.refusals = 1;
    return Promise.reject(new InvalidMessageError('cursor is not one that this list gave'));
  }
}

describe('/api/connections', () => {
  test('gives page after page, with the workers they come from and how old each part is', async (t) => {
    const { port, view } = await startAdmin(t);
    connect(view, ...peerRecords(first, 3), ...peerRecords(second, 2));
    const page = listSchema.parse((await ask(port, '/api/connections?limit=4')).json);
    assert.equal(page.peers.length, 4);
    assert.deepEqual([page.scope, page.unread], ['this host', []]);
    assert.deepEqual(
      page.workers.map(({ worker }) => worker),
      [first, second],
    );
    const cursor = encodeURIComponent(page.cursor ?? '');
    const rest = listSchema.parse((await ask(port, `/api/connections?limit=4&cursor=${cursor}`)).json);
    assert.deepEqual([rest.peers.length, rest.cursor], [1, null]);
  });

  test('narrows by every filter, and by an id', async (t) => {
    const { port, view } = await startAdmin(t);
    const wanted = peerRecord(first, 1, { address: '192.0.2.77', identity: 'cam', state: 'draining' });
    connect(view, wanted, peerRecord(second, 2, { address: '192.0.2.78' }));
    for (const filter of [
      'address=192.0.2.77',
      'identity=cam',
      'state=draining',
      `worker=${first}`,
      `host=line-1&address=192.0.2.77`,
      `id=${encodeURIComponent(wanted.id)}`,
    ]) {
      const { peers } = listSchema.parse((await ask(port, `/api/connections?${filter}`)).json);
      assert.deepEqual(peers, [wanted], filter);
    }
    const other = `/api/connections?id=${encodeURIComponent(wanted.id)}&address=192.0.2.78`;
    assert.deepEqual(listSchema.parse((await ask(port, other)).json).peers, []);
  });

  test('sorts by any key, up and down, and says what it left out', async (t) => {
    const { port, view } = await startAdmin(t);
    connect(view, ...[3, 1, 2].map((requests) => peerRecord(first, requests, { requests })));
    const requestsOf = async (query: string) => {
      const body = listSchema.parse((await ask(port, `/api/connections?${query}`)).json);
      return [body.peers.map(({ requests }) => requests), body.truncated, body.cursor];
    };
    assert.deepEqual(await requestsOf('sort=requests'), [[1, 2, 3], false, null]);
    assert.deepEqual(await requestsOf('sort=-requests&limit=2'), [[3, 2], true, null]);
  });

  test('sorts all the same where the view moves between two pages, which its reader cannot know of', async (t) => {
    const view = new MovingView({ leaseMs: 60_000 });
    view.handle(first, { type: 'open', worker: workerRecord(first) });
    const { port } = await startAdmin(t, { view });
    connect(view, ...peerRecords(first, 1_001));
    const answer = await ask(port, '/api/connections?sort=id&limit=1');
    const body = listSchema.parse(answer.json);
    assert.deepEqual([body.rows_sorted, body.all_sorted, view.refusals], [1_001, true, 1]);
    view.refusals = -1;
    assert.equal(
      (await ask(port, '/api/connections?sort=id')).status,
      400,
      'once; one that moves on is told of',
    );
  });

  test('names what is wrong with the question, and the cure', async (t) => {
    const { port } = await startAdmin(t);
    for (const [query, said] of [
      ['adress=1.2.3.4', 'there is no parameter adress here; did you mean address?'],
      ['sort=request', 'there is no key request to sort by; did you mean requests?'],
      ['limit=1&limit=2', 'the parameter limit is given twice; give it once'],
      ['limit=0', 'limit: Too small: expected number to be >=1'],
      [
        'cursor=x',
        'cursor is not one that this list gave, or Redis went away or came back since; begin without one',
      ],
      ['cursor=x&sort=id', 'cursor goes with neither sort nor id, whose lists have one page only'],
    ]) {
      const answer = await ask(port, `/api/connections?${query ?? ''}`);
      assert.deepEqual([answer.status, errorOf(answer)], [400, said], query);
    }
  });

  test('gives one record by its id, percent-encoded or not, and 404 where there is none', async (t) => {
    const { port, view } = await startAdmin(t);
    const peer = peerRecord(first, 1);
    connect(view, peer);
    for (const path of [encodeURIComponent(peer.id), peer.id]) {
      assert.deepEqual((await ask(port, `/api/connections/${path}`)).json, peer);
    }
    const missing = await ask(port, '/api/connections/line-1%2F1.aaaa.99');
    assert.equal(missing.status, 404);
    assert.match(errorOf(missing), /^there is no connection line-1\/1\.aaaa\.99; .*\/api\/closed/);
    assert.equal((await ask(port, '/api/connections/%E0%A4')).status, 400);
  });

  test('does not say that one is not there where a worker of its host cannot be read', async (t) => {
    const view = new EmbeddedView({ leaseMs: 3_600_000, serving: () => [first, second] });
    const { port } = await startAdmin(t, { view });
    view.handle(second, { type: 'open', worker: workerRecord(second) });
    const answer = await ask(port, `/api/connections/${peerRecord(first, 1).id}`);
    assert.equal(answer.status, 503);
    assert.equal(errorOf(answer), `it may be one of worker ${first}, which cannot be read now; ask again`);
    assert.equal((await ask(port, '/api/connections/line-2%2F1.aaaa.1')).status, 404);
  });
});

test('/api/closed gives the history, latest first, page by page and filtered', async (t) => {
  const { port, view } = await startAdmin(t);
  const closed = peerRecords(first, 3).map((peer) => closedPeer(peer, 'idle'));
  view.handle(first, { type: 'flush', changes: { changed: [], closed, events: [] } });
  const schema = z.object({
    closed: z.array(closedPeerSchema),
    cursor: z.string().nullable(),
    since: z.number(),
    scope: z.literal('this host'),
  });
  const page = schema.parse((await ask(port, '/api/closed?limit=2')).json);
  assert.deepEqual(page.closed, closed.toReversed().slice(0, 2));
  const rest = schema.parse((await ask(port, `/api/closed?limit=2&cursor=${page.cursor ?? ''}`)).json);
  assert.deepEqual([rest.closed, rest.cursor], [closed.slice(0, 1), null]);
  const address = closed[0]?.peer.address ?? '';
  assert.equal(schema.parse((await ask(port, `/api/closed?address=${address}`)).json).closed.length, 1);
});

test('/api/status adds up the workers of each host', async (t) => {
  const view = newView();
  const other = 'line-2:1:cccc';
  const report = (worker: string, model: string) => {
    const bytes = { errors: 1, bytes_in: 100, bytes_out: 50 };
    const counts = {
      ...bytes,
      peers: 2,
      requests: 5,
      images: 4,
      in_flight: 1,
      queued: 3,
      images_per_second: 1.25,
    };
    view.handle(worker, { type: 'open', worker: workerRecord(worker, { ...counts, model }) });
  };
  report(first, 'old.onnx');
  report(second, 'new.onnx');
  report(other, 'new.onnx');
  const { port } = await startAdmin(t, { view });
  const body = z
    .object({
      host: z.literal('line-1'),
      workers: z.array(z.looseObject({ worker: z.string(), age_ms: z.int() })).length(3),
      hosts: z.array(z.looseObject({ host: z.string(), age_ms: z.int() })),
    })
    .parse((await ask(port, '/api/status')).json);
  assert.deepEqual(
    body.hosts.map((totals) => ({ ...totals, age_ms: 0 })),
    [
      {
        ...{ host: 'line-1', workers: 2, peers: 4, requests: 10, images: 8, queued: 6, in_flight: 2 },
        ...{ errors: 2, bytes_in: 200, bytes_out: 100 },
        ...{ images_per_second: 2.5, models: ['new.onnx', 'old.onnx'], age_ms: 0 },
      },
      {
        ...{ host: 'line-2', workers: 1, peers: 2, requests: 5, images: 4, queued: 3, in_flight: 1 },
        ...{ errors: 1, bytes_in: 100, bytes_out: 50 },
        ...{ images_per_second: 1.25, models: ['new.onnx'], age_ms: 0 },
      },
    ],
  );
});

describe('/api/events, one page', () => {
  const schema = z.object({ events: z.array(storedEventSchema), last: z.string().nullable() });

  test('gives the latest, or what came after an event', async (t) => {
    const { port, view } = await startAdmin(t);
    tell(view, { peer: 'line-1/1.aaaa.1' }, { type: 'closed', reason: 'client' });
    const latest = schema.parse((await ask(port, '/api/events?format=json&tail=2')).json);
    assert.deepEqual(
      latest.events.map(({ type }) => type),
      ['opened', 'closed'],
    );
    tell(view, { type: 'kicked', by: 'me' });
    const accept = { accept: 'application/json' };
    const next = schema.parse(
      (await ask(port, `/api/events?after=${latest.last ?? ''}`, { headers: accept })).json,
    );
    assert.deepEqual(
      next.events.map(({ type }) => type),
      ['kicked'],
    );
  });

  test('names what is wrong with the question', async (t) => {
    const { port } = await startAdmin(t);
    for (const [query, said] of [
      ['after=soon', 'this is no id of an event, such as 1785369600000-0'],
      ['after=1-0&tail=5', 'after and tail do not go together; give the one or the other'],
      ['limit=5', 'limit is for one page, format=json; a stream begins with tail=N'],
    ]) {
      const answer = await ask(port, `/api/events?${query ?? ''}`);
      assert.deepEqual([answer.status, errorOf(answer)], [400, said], query);
    }
  });
});

describe('POST /api/connections/kick', () => {
  const headers = { 'content-type': 'application/json', 'x-pear-request': '1' };

  test('tells what became of each id, and passes on who asked', async (t) => {
    const { port, kicks, logged } = await startAdmin(t, {
      outcomes: (ids) => ids.map((id, index) => ({ id, outcome: index === 0 ? 'kicked' : 'not found' })),
    });
    const body = JSON.stringify({ ids: ['line-1/1.aaaa.1', 'gone'] });
    const { json } = await ask(port, '/api/connections/kick', { method: 'POST', headers, body });
    assert.deepEqual(json, {
      answers: [
        { id: 'line-1/1.aaaa.1', outcome: 'kicked' },
        { id: 'gone', outcome: 'not found' },
      ],
    });
    assert.deepEqual(kicks, [{ ids: ['line-1/1.aaaa.1', 'gone'], by: '127.0.0.1' }]);
    assert.match(logged.join(''), /"by":"127\.0\.0\.1","asked":2,"kicked":\["line-1\/1\.aaaa\.1"\]/);
  });

  test('kicks nobody for a body of another form, size or type', async (t) => {
    const { port, kicks } = await startAdmin(t);
    const huge = `{"ids": ["${'x'.repeat(600_000)}"]}`;
    for (const [body, type, status] of [
      ['{"ids": ["a"]}', 'text/plain', 415],
      ['{"ids": ["a"]}', 'application/x-www-form-urlencoded', 415],
      ['ids', 'application/json', 400],
      ['{}', 'application/json', 400],
      ['{"ids": []}', 'application/json', 400],
      ['{"ids": [5]}', 'application/json', 400],
      ['{"ids": ["a"], "by": "x"}', 'application/json', 400],
      [JSON.stringify({ ids: new Array(1_001).fill('a') }), 'application/json', 400],
      [huge, 'application/json', 413],
    ] as const) {
      const answer = await ask(port, '/api/connections/kick', {
        method: 'POST',
        headers: { ...headers, 'content-type': type, 'content-length': String(body.length) },
        body,
      });
      assert.equal(answer.status, status, body.slice(0, 40));
      assert.notEqual(errorOf(answer), '');
    }
    assert.deepEqual(kicks, []);
  });

  test('takes a body that comes in pieces without a length, and bounds it too', async (t) => {
    const { port, kicks } = await startAdmin(t);
    const chunked = { ...headers, 'transfer-encoding': 'chunked' };
    const ask1 = (body: string) =>
      ask(port, '/api/connections/kick', { method: 'POST', headers: chunked, body });
    assert.equal((await ask1('{"ids": ["a"]}')).status, 200);
    assert.equal((await ask1(`{"ids": ["${'x'.repeat(600_000)}"]}`)).status, 413);
    assert.equal(kicks.length, 1);
  });
});
