// Two primaries that reach each other over a real Redis. Their workers are functions of the test.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { pino } from 'pino';
import { z } from 'zod';
import type { ToWorker } from '#src/cluster/messages.js';
import { monotonicMs } from '#src/cluster/monotonic.js';
import { PrimaryKicker } from '#src/cluster/primary-kicker.js';
import type { StoreChoice } from '#src/connections/choose-store.js';
import { kickTimeoutMs } from '#src/connections/kick.js';
import { eventually } from '../support/deadline.js';
import { startRedisProxy, type RedisProxy } from '../support/redis-proxy.js';
import { startRedisServer, type RedisServer } from '../support/redis-server.js';
import { redisSettings } from '../connections/views.js';

/** What a machine with other things to do may add to a second. */
const slackMs = 2_000;

const embedded: StoreChoice = { kind: 'embedded', sentence: '' };

/** A primary with one worker that has these peers. */
class Host {
  readonly kicker: PrimaryKicker;
  readonly lines: Record<string, unknown>[] = [];
  /** Who has been disconnected, and by whom. */
  readonly kicked: string[] = [];
  readonly #peers: Set<string>;
  /** Whether its worker answers. */
  answers = true;

  constructor(hostId: string, store: StoreChoice, peers: readonly string[], pingIntervalMs = 60_000) {
    const log = pino(
      { level: 'debug', base: {} },
      {
        write: (line: string) => {
          this.lines.push(z.record(z.string(), z.unknown()).parse(JSON.parse(line)));
        },
      },
    );
    this.#peers = new Set(peers);
    this.kicker = new PrimaryKicker({ hostId, store, pingIntervalMs, drainTimeoutMs: 10_000, log });
    this.kicker.addWorker('w', (message) => {
      this.#tell(message);
    });
  }

  logged(msg: RegExp): Record<string, unknown>[] {
    return this.lines.filter((line) => msg.test(String(line['msg'])));
  }

  #tell(message: ToWorker): void {
    assert.equal(message.type, 'disconnect');
    if (!this.answers) return;
    const had = message.ids.filter((id) => this.#peers.delete(id));
    this.kicked.push(...had.map((id) => `${id} by ${message.by}`));
    this.kicker.disconnected('w', message.id, had);
  }
}

async function outcomes(kicker: PrimaryKicker, ids: readonly string[], by = 'me'): Promise<string[]> {
  const answers = await kicker.kick(ids, by);
  assert.deepEqual(
    answers.map(({ id }) => id),
    ids,
  );
  return answers.map(({ outcome }) => outcome);
}

describe('a primary without Redis', () => {
  test('kicks its own peers and knows what it cannot reach', async () => {
    const { kicker, kicked } = new Host('line-1', embedded, ['line-1/1.a.1']);
    const ids = [
      'line-1/1.a.1',
      'line-1/1.a.2',
      'line-2/1.a.1',
      'line-1',
      '',
      '/1',
      'line 1/1',
      'line-1/1.a.1',
    ];
    assert.deepEqual(await outcomes(kicker, ids), [
      'kicked',
      'not found',
      'owner unreachable',
      ...Array<string>(4).fill('not found'),
      'kicked',
    ]);
    assert.deepEqual(kicked, ['line-1/1.a.1 by me']);
  });

  test('tells workers a name that records can hold, whatever it is given', async () => {
    const host = new Host('line-1', embedded, ['line-1/1.a.1', 'line-1/1.a.2']);
    await outcomes(host.kicker, ['line-1/1.a.1'], 'x'.repeat(1_000));
    await outcomes(host.kicker, ['line-1/1.a.2'], '');
    assert.deepEqual(host.kicked, [`line-1/1.a.1 by ${'x'.repeat(256)}`, 'line-1/1.a.2 by somebody']);
  });

  test('answers a worker before that gives up, and does nothing for one that has', async () => {
    const host = new Host('line-1', embedded, ['line-1/1.a.1']);
    host.answers = false;
    const untilMs = monotonicMs() + 300;
    const [silent] = await host.kicker.kickFor({ ids: ['line-1/1.a.1'], by: 'me', untilMs });
    assert.equal(silent?.outcome, 'no answer');
    host.answers = true;
    const [late] = await host.kicker.kickFor({ ids: ['line-1/1.a.1'], by: 'me', untilMs: monotonicMs() - 1 });
    assert.equal(late?.outcome, 'no answer');
    assert.deepEqual(host.kicked, []);
  });
});

describe('two primaries with one Redis', () => {
  let redis: RedisServer;
  let proxy: RedisProxy;
  let keyPrefix: string;
  let hosts: Host[];

  before(async () => {
    redis = await startRedisServer();
    proxy = await startRedisProxy(redis.socketPath);
  });
  after(async () => {
    proxy.dispose();
    await redis.dispose();
  });
  beforeEach(() => {
    keyPrefix = `pear-${randomUUID()}:`;
    hosts = [];
  });
  afterEach(() => {
    redis.thaw();
    for (const { kicker } of hosts) kicker.close();
  });

  const choice = (changes: { url?: string; commandTimeoutMs?: number } = {}): StoreChoice => ({
    kind: 'redis',
    sentence: '',
    redis: { ...redisSettings(redis), keyPrefix, ...changes },
  });
  const listeners = async (hostId: string) =>
    Number((await redis.cli('PUBSUB', 'NUMSUB', `${keyPrefix}control:${hostId}`)).split('\n')[1]);
  const start = async (
    hostId: string,
    peers: readonly string[],
    store = choice(),
    pingIntervalMs?: number,
  ) => {
    const host = new Host(hostId, store, peers, pingIntervalMs);
    hosts.push(host);
    host.kicker.listen();
    await eventually(`${hostId} listens`, async () => ((await listeners(hostId)) > 0 ? true : null));
    return host;
  };
  const publish = (hostId: string, message: string) =>
    redis.cli('PUBLISH', `${keyPrefix}control:${hostId}`, message);

  test('kick each other’s peers, and leave nothing behind in Redis', async () => {
    const one = await start('line-1', ['line-1/1.a.1']);
    const two = await start('line-2', ['line-2/1.a.1', 'line-2/1.a.2']);
    const ids = ['line-2/1.a.1', 'line-2/1.a.9', 'line-1/1.a.1', 'line-3/1.a.1', 'line-2/1.a.1'];
    assert.deepEqual(await outcomes(one.kicker, ids, 'admin'), [
      'kicked',
      'not found',
      'kicked',
      'owner unreachable',
      'kicked',
    ]);
    assert.deepEqual([one.kicked, two.kicked], [['line-1/1.a.1 by admin'], ['line-2/1.a.1 by admin']]);
    assert.deepEqual(await outcomes(one.kicker, ['line-2/1.a.2']), ['kicked']);
    assert.equal(await redis.cli('KEYS', `${keyPrefix}*`), '');
  });

  test('tell at once that nobody of a host listens, and after a second that nobody answers', async () => {
    const one = await start('line-1', []);
    const two = await start('line-2', ['line-2/1.a.1']);
    two.answers = false;
    const began = performance.now();
    assert.deepEqual(await outcomes(one.kicker, ['line-2/1.a.1']), ['no answer']);
    assert.ok(performance.now() - began < kickTimeoutMs + slackMs);
    two.kicker.close();
    await eventually('line-2 is gone', async () => ((await listeners('line-2')) === 0 ? true : null));
    assert.deepEqual(await outcomes(one.kicker, ['line-2/1.a.1']), ['owner unreachable']);
  });

  test('tell apart, of a host whose worker hangs, who was found and of whom nothing is known', async () => {
    const one = await start('line-1', []);
    const two = await start('line-2', ['line-2/1.a.1']);
    two.kicker.addWorker('hangs', () => undefined);
    assert.deepEqual(await outcomes(one.kicker, ['line-2/1.a.1', 'line-2/1.a.2']), ['kicked', 'no answer']);
    two.kicker.removeWorker('hangs');
    assert.deepEqual(await outcomes(one.kicker, ['line-2/1.a.2']), ['not found']);
  });

  test('of the same name, as for a moment at a restart, find who is with either', async () => {
    const one = await start('line-1', []);
    const old = await start('line-2', ['line-2/1.a.1']);
    const young = await start('line-2', ['line-2/1.b.1']);
    await eventually('both listen', async () => ((await listeners('line-2')) === 2 ? true : null));
    const ids = ['line-2/1.a.1', 'line-2/1.b.1', 'line-2/1.c.1'];
    assert.deepEqual(await outcomes(one.kicker, ids), ['kicked', 'kicked', 'not found']);
    assert.deepEqual([old.kicked.length, young.kicked.length], [1, 1]);
  });

  test('of the same name find each other’s peers, too, once they have heard of each other', async () => {
    // Long before the first ping that is due.
    const old = await start('line-2', ['line-2/1.a.1']);
    const young = await start('line-2', ['line-2/1.b.1']);
    await eventually('each asks the other', async () => {
      const [found] = await outcomes(young.kicker, ['line-2/1.a.1']);
      return found === 'kicked' ? true : null;
    });
    const ids = ['line-2/1.c.1', 'line-2/1.b.1'];
    assert.deepEqual(await outcomes(young.kicker, ids), ['not found', 'kicked']);
    assert.deepEqual(old.kicked, ['line-2/1.a.1 by me']);
  });

  test('drop what is no message, with a line in the log, and go on', async () => {
    const one = await start('line-1', []);
    const two = await start('line-2', ['line-2/1.a.1']);
    const kick = { type: 'kick', request: randomUUID(), ids: ['line-2/1.a.1'], by: 'me', until: 1 };
    const wrong = [
      '',
      'kick',
      '[]',
      '{"type": "drop"}',
      ...[
        { request: '../x' },
        { ids: [] },
        { ids: 'all' },
        { ids: [''] },
        { by: '' },
        { until: 'later' },
      ].map((change) => JSON.stringify({ ...kick, ...change })),
      JSON.stringify({ ...kick, ids: Array(10_001).fill('a') }),
    ];
    for (const text of wrong) await publish('line-2', text);
    await eventually('all are told of', () =>
      two.logged(/a message to this host is none/).length === wrong.length ? true : null,
    );
    assert.deepEqual(await outcomes(one.kicker, ['line-2/1.a.1']), ['kicked']);
  });

  test('do nothing for somebody who waits no more', async () => {
    const one = await start('line-1', []);
    const two = await start('line-2', ['line-2/1.a.1']);
    const until = Number((await redis.cli('TIME')).split('\n')[0]) * 1_000 - 5_000;
    const late = { type: 'kick', request: randomUUID(), ids: ['line-2/1.a.1'], by: 'me', until };
    await publish('line-2', JSON.stringify(late));
    await eventually('it is told of', () => (two.logged(/waits no more/).length === 1 ? true : null));
    assert.deepEqual(two.kicked, []);
    assert.deepEqual(await outcomes(one.kicker, ['line-2/1.a.1']), ['kicked']);
  });

  test('can be asked by hand, and the answer that nobody fetches goes by itself', async () => {
    await start('line-2', ['line-2/1.a.1']);
    const request = randomUUID();
    const until = Date.now() + 60_000;
    await publish(
      'line-2',
      JSON.stringify({ type: 'kick', request, ids: ['line-2/1.a.1'], by: 'me', until }),
    );
    const key = `${keyPrefix}reply:${request}`;
    await eventually('it answers', async () => ((await redis.cli('LLEN', key)) === '1' ? true : null));
    assert.deepEqual(JSON.parse(await redis.cli('LINDEX', key, '0')), {
      host: 'line-2',
      answers: [{ id: 'line-2/1.a.1', outcome: 'kicked' }],
    });
    const ttlMs = Number(await redis.cli('PTTL', key));
    assert.ok(ttlMs > 0 && ttlMs <= 10_000, String(ttlMs));
  });

  test('without Redis kick their own, reach nobody else, and reach each other again when it is back', async () => {
    const one = await start('line-1', ['line-1/1.a.1', 'line-1/1.a.2']);
    const two = await start('line-2', ['line-2/1.a.1'], choice(), 100);
    redis.freeze();
    const began = performance.now();
    assert.deepEqual(await outcomes(one.kicker, ['line-1/1.a.1', 'line-2/1.a.1']), [
      'kicked',
      'owner unreachable',
    ]);
    assert.ok(performance.now() - began < kickTimeoutMs + slackMs);
    redis.thaw();
    await redis.stop();
    assert.deepEqual(await outcomes(one.kicker, ['line-1/1.a.2', 'line-2/1.a.1']), [
      'kicked',
      'owner unreachable',
    ]);
    await redis.start();
    await eventually('line-2 is reached again', async () => {
      const [outcome] = await outcomes(one.kicker, ['line-2/1.a.1']);
      return outcome === 'kicked' ? true : null;
    });
    assert.deepEqual(two.kicked, ['line-2/1.a.1 by me']);
    assert.deepEqual(two.logged(/nothing comes through/), []);
  });

  test('reach each other again, with a line in the log, after a connection is dead and nobody was told', async () => {
    const one = await start('line-1', []);
    const throughProxy = choice({ url: proxy.url, commandTimeoutMs: 1_000 });
    const two = await start('line-2', ['line-2/1.a.1'], throughProxy, 100);
    proxy.forget('pear:test:0:control');
    assert.deepEqual(await outcomes(one.kicker, ['line-2/1.a.1']), ['no answer']);
    await eventually('line-2 is reached again', async () => {
      const [outcome] = await outcomes(one.kicker, ['line-2/1.a.1']);
      return outcome === 'kicked' ? true : null;
    });
    assert.equal(two.logged(/nothing comes through/).length, 1);
    await eventually('it says so', () => (two.logged(/can reach this one again/).length > 0 ? true : null));
    assert.equal(await listeners('line-2'), 1, 'the dead one counts no more');
    assert.deepEqual(await outcomes(one.kicker, ['line-2/1.a.9']), ['not found']);
  });

  test('say once that Redis does not let them listen, and listen when it does', async () => {
    const user = `${keyPrefix}user`;
    await redis.cli('ACL', 'SETUSER', user, 'on', '>secret', '~*', '+@all', 'resetchannels');
    const url = `redis://${encodeURIComponent(user)}:secret@localhost/0?path=${encodeURIComponent(redis.socketPath)}`;
    const host = new Host('line-2', choice({ url }), ['line-2/1.a.1'], 60_000);
    hosts.push(host);
    host.kicker.listen();
    await eventually('it is told of', () => (host.logged(/Redis refuses/).length > 0 ? true : null));
    await redis.cli('ACL', 'SETUSER', user, 'allchannels');
    await eventually('it listens', async () => ((await listeners('line-2')) > 0 ? true : null));
    assert.equal(host.logged(/Redis refuses/).length, 1);
  });
});
