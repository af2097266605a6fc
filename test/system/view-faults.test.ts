// The view of connections while Redis is stopped, empty, hanging, full, or never there: serving is not touched, every
// list answers for this host and says so, and the view is whole again by itself.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { z } from 'zod';
import type { LocalServer } from '#src/cli/local-server.js';
import { peerRecordSchema } from '#src/connections/record.js';
import { eventually } from '../support/deadline.js';
import { signalTo } from '../support/processes.js';
import { startRedisServer, type RedisServer } from '../support/redis-server.js';
import { askFolder, folder, request } from '../support/replies.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';

const clients = 6;

function start(url: string): Promise<LocalServer> {
  return startServer(
    null,
    ...['--cluster.workers', '2', '--cluster.host_id', 'line-1', '--connections.redis.url', url],
    ...['--connections.flush_interval_ms', '50', '--connections.heartbeat_interval_ms', '200'],
    ...['--connections.lease_ms', '3000', '--cluster.orphan_timeout_ms', '2000'],
    ...['--connections.redis.command_timeout_ms', '400'],
  );
}

const moreSchema = z.strictObject({
  cursor: z.string().optional(),
  unread: z.array(z.string()).optional(),
  scope: z.literal('this host').optional(),
});
const listSchema = z.object({
  response_data: z.array(z.object({ result: z.union([peerRecordSchema, moreSchema]) })),
});
const statusSchema = z.object({
  scope: z.string(),
  unread: z.array(z.string()),
  hosts: z.array(
    z.object({ workers: z.array(z.object({ worker: z.string(), pid: z.int(), age_ms: z.number() })) }),
  ),
});
const statusReplySchema = z.object({ response_data: z.tuple([z.object({ result: statusSchema })]) });

const ports = (wires: readonly Wire[]) => wires.map(({ socket }) => socket.localPort ?? 0).sort();

/** What 0x40 answers: the ports of the peers, and what its last item says beside them. */
async function listed(wire: Wire, filter = {}) {
  const { response_data } = listSchema.parse(JSON.parse(await wire.ask(request(0x40, [filter]))));
  const peers = response_data.flatMap(({ result }) => ('port' in result ? [result] : []));
  const more = response_data.flatMap(({ result }) => ('port' in result ? [] : [result]));
  assert.ok(more.length <= 1);
  return { peers, ports: peers.map(({ port }) => port).sort(), more: more[0] ?? {} };
}

async function statusOf(wire: Wire) {
  const reply = statusReplySchema.parse(JSON.parse(await wire.ask(request(0x44, null))));
  const { result } = reply.response_data[0];
  return { ...result, workers: result.hosts.flatMap(({ workers }) => workers) };
}

/** Every list, asked for on every connection, names exactly these connections, of this host or of all. */
function shows(wires: readonly Wire[], scope: 'this host' | 'all hosts'): Promise<true> {
  return eventually(`every worker lists all, of ${scope}`, async () => {
    for (const wire of wires) {
      const { ports: found, more } = await listed(wire);
      if (JSON.stringify(found) !== JSON.stringify(ports(wires))) return null;
      if (JSON.stringify(more) !== JSON.stringify(scope === 'all hosts' ? {} : { scope })) return null;
      const status = await statusOf(wire);
      if (status.scope !== scope || status.workers.length !== 2 || status.unread.length > 0) return null;
    }
    return true;
  });
}

async function opened(server: LocalServer): Promise<Wire[]> {
  return Promise.all(Array.from({ length: clients }, () => Wire.open(server.port)));
}

describe('the view of two workers, when Redis', () => {
  let redis: RedisServer;
  let server: LocalServer;
  let wires: Wire[];

  const isWhole = () => shows(wires, 'all hosts');
  const isThisHost = () => shows(wires, 'this host');
  const servesAndListsThisHost = async () => {
    for (const wire of wires) assert.equal(await wire.ask(askFolder), folder);
    await isThisHost();
    for (const wire of wires) assert.equal(await wire.ask(askFolder), folder);
  };
  /** Some leave and some come, during whatever is going on. */
  const comeAndGo = async () => {
    for (const wire of wires.splice(0, 2)) wire.close();
    wires.push(await Wire.open(server.port), await Wire.open(server.port));
    for (const wire of wires) assert.equal(await wire.ask(askFolder), folder);
  };
  /** Redis has been there. */
  let isStarted = false;
  let linesBefore = 0;
  const saidSo = (what: RegExp) => server.lines.slice(linesBefore).filter(({ msg }) => what.test(msg)).length;

  before(async () => {
    redis = await startRedisServer();
    await redis.stop();
    server = await start(redis.url);
  });
  after(async () => {
    await redis.dispose();
    assert.equal(await server.stop(), 0);
  });
  beforeEach(async () => {
    wires = await opened(server);
    if (isStarted) await isWhole();
    linesBefore = server.lines.length;
  });
  afterEach(async () => {
    redis.thaw();
    await redis.restart();
    isStarted = true;
    for (const wire of wires) wire.close();
  });

  it('was never there: the server starts, and the view covers this host until Redis comes', async () => {
    await servesAndListsThisHost();
    assert.equal(server.lines.filter(({ msg }) => /covers this host only until/.test(msg)).length, 1);
    await redis.start();
    await isWhole();
  });

  it('is killed and starts again, empty: the view covers this host meanwhile, and the log says so once', async () => {
    await redis.stop();
    await servesAndListsThisHost();
    await comeAndGo();
    await servesAndListsThisHost();
    assert.equal(saidSo(/covers this host only until/), 1);
    assert.equal(saidSo(/covers all hosts again/), 0);
    await redis.start();
    await isWhole();
    assert.equal(saidSo(/covers this host only until/), 1);
    await eventually('the log says that it is back', () =>
      saidSo(/covers all hosts again/) === 1 ? true : null,
    );
    await comeAndGo();
    await isWhole();
  });

  it('is killed: a list is answered well within a second, for one connection too', async () => {
    await redis.stop();
    await isThisHost();
    const [wire] = wires;
    assert(wire !== undefined);
    const startedAt = performance.now();
    const { peers } = await listed(wire);
    const { peers: one, more } = await listed(wire, { id: peers[0]?.id ?? '' });
    const tookMs = performance.now() - startedAt;
    assert.deepEqual([one.map(({ id }) => id), more], [[peers[0]?.id], { scope: 'this host' }]);
    assert.ok(tookMs < 1_000, `two lists took ${tookMs} ms`);
    await redis.start();
    await isWhole();
  });

  it('is killed between two pages: the cursor is refused, and the list begun anew is whole', async () => {
    const [wire] = wires;
    assert(wire !== undefined);
    const { more } = await listed(wire, { limit: 1 });
    assert(more.cursor !== undefined);
    await redis.stop();
    await isThisHost();
    const refusal = await wire.ask(request(0x40, [{ limit: 1, cursor: more.cursor }]));
    assert.match(refusal, /"error_code": 1, "message": "cursor is not one/);
    const page = await listed(wire, { limit: 1 });
    assert.equal(page.more.scope, 'this host');
    assert.ok(page.more.cursor !== undefined);
  });

  it('forgets everything (FLUSHALL): the view is whole again, without falling back', async () => {
    await redis.cli('FLUSHALL');
    for (const wire of wires) assert.equal(await wire.ask(askFolder), folder);
    await isWhole();
    await comeAndGo();
    await isWhole();
    assert.equal(saidSo(/covers this host only until/), 0);
  });

  it('hangs (CLIENT PAUSE): the view covers this host until Redis goes on', async () => {
    await redis.cli('CLIENT', 'PAUSE', '30000', 'ALL');
    await servesAndListsThisHost();
    await comeAndGo();
    await isThisHost();
    await redis.restart();
    await isWhole();
  });

  it('is stopped where it stands (SIGSTOP): the view covers this host until it goes on', async () => {
    redis.freeze();
    await servesAndListsThisHost();
    redis.thaw();
    await isWhole();
  });

  it('is out of memory: the view covers this host until there is room', async () => {
    await redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
    await redis.cli('CONFIG', 'SET', 'maxmemory', '1');
    await servesAndListsThisHost();
    await comeAndGo();
    await isThisHost();
    await redis.cli('CONFIG', 'SET', 'maxmemory', '0');
    await isWhole();
  });

  it('is away and a worker dies: its connections go, the others stay, and the new worker is in the view', async () => {
    await redis.stop();
    await isThisHost();
    const [wire] = wires;
    assert(wire !== undefined);
    const { peers } = await listed(wire);
    const own = peers.find(({ port }) => port === wire.socket.localPort)?.worker;
    const victim = (await statusOf(wire)).workers.find(({ worker }) => worker !== own);
    assert(own !== undefined && victim !== undefined);
    const kept = new Set(peers.filter(({ worker }) => worker === own).map(({ port }) => port));
    signalTo(victim.pid, 'SIGKILL');
    wires = wires.filter(({ socket }) => kept.has(socket.localPort ?? 0));
    await isThisHost();
    await comeAndGo();
    await isThisHost();
    await redis.start();
    await isWhole();
  });
});

describe('with a URL where nobody listens', () => {
  it('the view covers this host, on the wire and over HTTP', async (context) => {
    const server = await startServer(
      context,
      ...['--cluster.workers', '2', '--connections.redis.url', 'redis://127.0.0.1:1/0'],
      ...['--connections.redis.command_timeout_ms', '400', '--connections.heartbeat_interval_ms', '200'],
    );
    const wires = await opened(server);
    await shows(wires, 'this host');
    const { msg } = await server.line((line) => line.msg.startsWith('health and metrics'));
    const answer = await fetch(`${/http:\S+/.exec(msg)?.[0] ?? ''}/api/connections`);
    const page = z
      .object({ peers: z.array(z.object({ port: z.int() })), scope: z.string() })
      .parse(await answer.json());
    assert.deepEqual([page.scope, page.peers.map(({ port }) => port).sort()], ['this host', ports(wires)]);
    for (const wire of wires) wire.close();
    assert.equal(await server.stop(), 0);
  });
});
