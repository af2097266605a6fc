// Traffic: every limit has a name, a default and a reason, and whoever is closed by one is told of in the log. One server
// with small limits for all.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LocalServer, LogLine } from '#src/cli/local-server.js';
import { limits as limitsSchema } from '#src/config/limits-schema.js';
import { eventually } from '../../support/deadline.js';
import { offer } from '../../support/offer.js';
import { sample } from '../../support/pictures.js';
import { peakBytes, workerPids } from '../../support/processes.js';
import { askFolder, codesOf, folder, refused, request } from '../../support/replies.js';
import { startServer } from '../../support/server.js';
import { smallLimits } from '../../support/small-limits.js';
import { Wire } from '../../support/wire.js';

const mib = 1024 * 1024;

/** What a client could take of the server, and the limits of it. */
const limited = {
  'peers in all and of one address': ['max_peers', 'max_peers_per_address'],
  'bytes under way of one peer and of all': ['max_in_flight_bytes', 'max_held_bytes_total'],
  'requests under way of one peer': ['max_pending_requests'],
  'images that wait of one peer and of all': ['max_queued_images', 'max_queued_images_total'],
  'the length and the time of a message': ['max_message_bytes', 'message_timeout_ms'],
  'a batch': ['max_batch'],
  'the bytes, the pixels and the time of an image': [
    'max_image_bytes',
    'max_image_pixels',
    'request_timeout_ms',
  ],
  'the time that a reader takes': ['write_timeout_ms'],
  'the time in which nothing comes': ['idle_timeout_ms'],
} as const;

describe('what a client can take of the server', () => {
  const shape = new Map(Object.entries(limitsSchema.shape));
  const defaults = new Map<string, unknown>(Object.entries(limitsSchema.parse({})));
  for (const [what, keys] of Object.entries(limited)) {
    test(`has a limit with a default: ${what}`, () => {
      for (const key of keys) assert.ok(shape.has(key) && defaults.has(key), key);
    });
  }

  test('is limited by numbers, each with its reason; only the time of rest is open, since lines sleep at night', () => {
    for (const [key, schema] of shape) {
      const reason = schema.description ?? '';
      assert.ok(reason.length > 40 && reason.endsWith('.'), `${key}: ${reason}`);
      if (key !== 'idle_timeout_ms') assert.equal(typeof defaults.get(key), 'number', key);
    }
    assert.equal(defaults.get('idle_timeout_ms'), null);
    assert.match(shape.get('idle_timeout_ms')?.description ?? '', /sleep at night/);
  });
});

describe('a server with small limits', () => {
  const limits = {
    ...smallLimits,
    max_peers_per_address: 3,
    message_timeout_ms: 1_500,
    write_timeout_ms: 1_500,
  };
  let server: LocalServer;
  let pid = 0;
  before(async () => {
    const args = Object.entries(limits).flatMap(([name, value]) => [`--limits.${name}`, String(value)]);
    server = await startServer(null, '--cluster.workers', '1', ...args);
    [pid = 0] = await workerPids(server.port);
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
  });

  /** Who each is in the log. */
  const ids = new Map<Wire, unknown>();

  /** Why it was closed, and what was said of it before. */
  async function endOf(wire: Wire): Promise<{ readonly reason: unknown; readonly said: string }> {
    const id = ids.get(wire);
    // Else the server waits a while for our end.
    wire.close();
    const { reason } = await server.line(({ msg, peer }) => msg === 'disconnected' && peer === id);
    const lines = server.lines.filter(({ msg, peer }) => peer === id && !/connected$/.test(msg));
    return { reason, said: lines.map(({ msg }) => msg).join() };
  }

  /** A connection that was served, from an address of its own. */
  async function from(address: string): Promise<Wire> {
    const wire = await Wire.open(server.port, address);
    assert.equal(await wire.ask(askFolder), folder);
    const { localPort } = wire.socket;
    const isIt = (line: LogLine) =>
      line.msg === 'connected' && line['address'] === address && line['port'] === localPort;
    ids.set(wire, (await server.line(isIt))['peer']);
    return wire;
  }

  test('takes no more connections of one address than its part, says so to it and in the log, and takes others', async () => {
    const wires = await Promise.all([1, 2, 3].map(() => from('127.0.8.1')));
    const late = await Wire.open(server.port, '127.0.8.1');
    await late.closed();
    assert.equal(late.received, `${refused(6, 'too many connections from this address; try again later')}\n`);
    const line = await server.line(({ msg }) => msg === 'turned connections away');
    assert.deepEqual([line['address'], line['level']], ['127.0.8.1', 40]);
    for (const wire of [late, ...wires, await from('127.0.8.2')]) wire.close();
  });

  test('pauses whoever does not read, drops him then with a reason, and its memory does not grow by him', async () => {
    const deaf = await from('127.0.8.3');
    deaf.socket.pause();
    const before = peakBytes(pid);
    // Its replies are long and come at once.
    const image = { file_name: '🍐'.repeat(255), data: '!' };
    const flood = Buffer.from(request(1, Array(limits.max_batch).fill(image)).repeat(20));
    const offered = offer(deaf, flood, 1024 * mib);
    const other = await from('127.0.8.4');
    for (let asked = 0; asked < 20; asked++) assert.equal(await other.ask(askFolder), folder);
    await server.line(({ msg }) => msg.startsWith('the peer does not read'));
    assert.deepEqual(await endOf(deaf), {
      reason: 'slow reader',
      said: 'the peer does not read its replies; dropping it',
    });
    assert.ok((await offered) < 256 * mib, 'he was not read');
    assert.ok(peakBytes(pid) - before < 100 * mib, 'little of it was held');
    other.close();
  });

  test('gives a message and the images behind it their time, however steadily they drip, and closes with a reason', async () => {
    const starts = ['{"cmd": 0x32, "x": "', request(1, [{ file_name: 'a', bytes: 100_000 }])];
    await Promise.all(
      starts.map(async (start) => {
        const slow = await from('127.0.8.5');
        slow.send(start);
        const drip = setInterval(() => {
          slow.send('x');
        }, 50);
        await slow.closed().finally(() => {
          clearInterval(drip);
        });
        assert.equal(slow.received, `${refused(1, 'the request was not finished within 1500 ms')}\n`);
        assert.deepEqual(await endOf(slow), { reason: 'protocol', said: 'request unfinished; closing' });
      }),
    );
  });

  test('closes on a message that is too long, with a reason', async () => {
    const long = await from('127.0.8.6');
    long.send(`{"cmd": 1, "x": "${'x'.repeat(limits.max_message_bytes)}`);
    await long.closed();
    assert.deepEqual(codesOf(long.received), [1]);
    assert.deepEqual(await endOf(long), { reason: 'protocol', said: 'request too long; closing' });
  });

  test('closes on a long message where all together hold too much, with a reason, and serves who holds little', async () => {
    const normal = await sample('normal-01.jpg');
    const size = limits.max_image_bytes;
    const holders = await Promise.all([1, 2, 3, 4, 5, 6].map((each) => from(`127.0.9.${each}`)));
    for (const wire of holders) {
      wire.send(request(1, [{ file_name: 'a', bytes: size }]));
      wire.send(Buffer.concat([normal, Buffer.alloc(size - 1 - normal.length)]));
    }
    const other = await from('127.0.8.7');
    await eventually('all of it has come', async () => {
      const text = await other.ask(request(0x40, null));
      const come = [...text.matchAll(/"bytes_in": (\d+)/g)].filter(([, bytes]) => Number(bytes) > size);
      return come.length === holders.length ? true : null;
    });
    const late = await from('127.0.8.8');
    late.send(`{"cmd": 1, "request_data": ["${'x'.repeat(190_000)}`);
    await late.closed();
    assert.equal(late.received, `${refused(6, 'the server holds too many bytes; try again')}\n`);
    assert.equal((await endOf(late)).reason, 'busy');
    assert.deepEqual(codesOf(await other.ask(request(1, ['normal-01.jpg']))), [0]);
    for (const wire of [...holders, other]) wire.close();
  });
});
