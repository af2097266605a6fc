// What happens to a connection while it waits for its place, and how it is told that there is none. The test says
// when and what is answered.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, mock, test } from 'node:test';
import { pino } from 'pino';
import { z } from 'zod';
import { EmbeddedStore } from '#src/connections/embedded-store.js';
import type { ViewRequest } from '#src/connections/view-messages.js';
import { BaseHandler, CommandRegistry } from '#src/handlers/base-handler.js';
import { defineCommand } from '#src/handlers/command.js';
import { Room } from '#src/server/room.js';
import type { Admission, PeerAdmission } from '#src/server/entrance/peer-admission.js';
import { ConnectionManager } from '#src/server/connection-manager.js';
import { TCPServer } from '#src/server/tcp-server.js';
import { textDecoder } from '#src/text-encoding.js';
import { eventually } from '../support/deadline.js';
import { item, refused, reply } from '../support/replies.js';
import { Wire } from '../support/wire.js';
import { authenticatorOf } from '../support/tokens.js';

const ask = '{"cmd": 0x22, "request_data": null}';
const answer = reply(0x23, item('m.onnx', 2, 0));
const header = 'PROXY TCP4 192.0.2.7 10.0.0.1 51000 9090\r\n';

class OneCommand extends BaseHandler {
  readonly commands = [
    defineCommand({
      code: 0x22,
      name: 'current model',
      role: 'viewer',
      order: 'read',
      args: z.tuple([]),
      expected: 'empty or null',
      run: () => Promise.resolve([{ file_name: 'm.onnx', result: 2, error_code: 0 }]),
    }),
  ];
}

/** Places that the test gives. */
class ManualAdmission implements PeerAdmission {
  /** The addresses that asked. */
  readonly asked: string[] = [];
  readonly left: string[] = [];
  readonly #unanswered: ((admission: Admission) => void)[] = [];

  enter(address: string): Promise<Admission> {
    this.asked.push(address);
    return new Promise((resolve) => this.#unanswered.push(resolve));
  }

  leave(address: string): void {
    this.left.push(address);
  }

  /** Resolves when so many wait for their answer. */
  async waiting(count = 1): Promise<void> {
    await eventually('connections ask for places', () => (this.#unanswered.length === count ? true : null));
  }

  /** Answers all that wait. */
  answer(admission: Admission): void {
    for (const resolve of this.#unanswered.splice(0)) resolve(admission);
  }
}

const wires: Wire[] = [];
const drains: (() => Promise<void>)[] = [];
afterEach(async () => {
  mock.timers.reset();
  for (const wire of wires.splice(0)) wire.close();
  for (const drain of drains.splice(0)) await drain();
});

/** Opens a connection that is closed with the test. */
async function open(port: number): Promise<Wire> {
  const wire = await Wire.open(port);
  wires.push(wire);
  return wire;
}

async function setUp(balancers: readonly string[] = [], maxPeers = 100) {
  const admission = new ManualAdmission();
  const lines: Record<string, unknown>[] = [];
  const log = pino(
    { level: 'warn', base: {} },
    {
      write: (line: string) => {
        lines.push(z.record(z.string(), z.unknown()).parse(JSON.parse(line)));
      },
    },
  );
  const requests: ViewRequest[] = [];
  const connections = new ConnectionManager({
    store: new EmbeddedStore(
      {
        request: (message) => {
          requests.push(message);
          return Promise.resolve({ type: 'done' });
        },
      },
      { requestTimeoutMs: 1_000 },
    ),
    describeWorker: () => assert.fail('it is not started'),
    flushIntervalMs: 1_000,
    heartbeatIntervalMs: 1_000,
    log,
  });
  const server = new TCPServer({
    maxPeers,
    admission,
    hostId: 'h',
    workerId: 'h:1:x',
    roles: { defaultRole: 'operator', loopbackRole: 'admin' },
    balancers,
    networkOf: (address) => address,
    limits: {
      maxMessageBytes: 10_000,
      messageTimeoutMs: 60_000,
      writeTimeoutMs: 60_000,
      idleTimeoutMs: null,
      maxInFlightBytes: 100_000,
      readAheadBytes: 10_000,
    },
    processor: {
      registry: new CommandRegistry([new OneCommand()]),
      authenticator: authenticatorOf(),
      decode: textDecoder('utf-8'),
      replyTerminator: '\n',
      maxImageBytes: 1_000,
      requestTimeoutMs: 60_000,
      maxQueuedImages: 4,
      maxInFlightBytes: 100_000,
      maxPendingRequests: 10,
      maxTokens: 1_000,
    },
    room: new Room({ maxImages: 100, maxBytes: 1_000_000 }),
    connections,
    log,
  });
  const door = createServer({ pauseOnConnect: true }, (socket) => {
    server.welcome(socket);
  });
  await once(door.listen(0, '127.0.0.1'), 'listening');
  const address = door.address();
  assert.ok(address !== null && typeof address !== 'string');
  const { port } = address;
  drains.push(async () => {
    door.close();
    await server.drain(1);
  });
  const gone = () =>
    eventually('every place is given back', () =>
      admission.left.length === admission.asked.length ? true : null,
    );
  /** What the view was told, once everything has been written. */
  const told = async () => {
    await connections.stop();
    return requests.flatMap((each) => (each.type === 'flush' ? [each.changes] : []));
  };
  return { admission, connections, lines, port, server, gone, told };
}

describe('a connection that waits for its place', () => {
  test('has what it sent meanwhile answered as soon as it has one', async () => {
    const { admission, connections, port, gone } = await setUp();
    const wire = await open(port);
    wire.send(ask + ask.slice(0, 10));
    await admission.waiting();
    assert.equal(connections.peerCount, 0);
    admission.answer('ok');
    assert.equal(await wire.reply(), answer);
    assert.equal(await wire.ask(ask.slice(10)), answer);
    assert.equal(connections.peerCount, 1);
    assert.deepEqual(admission.left, []);
    wire.close();
    await gone();
    assert.deepEqual(admission.left, ['127.0.0.1']);
    assert.equal(connections.peerCount, 0);
  });

  test('may have closed its sending side already', async () => {
    const { admission, port, gone } = await setUp();
    const [asking, silent] = [await open(port), await open(port)];
    asking.send(ask);
    for (const wire of [asking, silent]) wire.finish();
    await admission.waiting(2);
    admission.answer('ok');
    for (const wire of [asking, silent]) await wire.closed();
    assert.equal(asking.received, `${answer}\n`);
    assert.equal(silent.received, '');
    await gone();
  });

  test('gives the place back where it was reset before it had it', async () => {
    const { admission, port, gone } = await setUp();
    const wire = await open(port);
    wire.send(ask);
    await admission.waiting();
    wire.socket.resetAndDestroy();
    await once(wire.socket, 'close');
    admission.answer('ok');
    await gone();
  });

  for (const [why, message] of [
    ['full', 'too many connections; try again later'],
    ['address full', 'too many connections from this address; try again later'],
    ['closing', 'the server is stopping; try again later'],
  ] as const) {
    test(`and gets the answer "${why}" is told so and closed, and has no place to give back`, async () => {
      const { admission, connections, port } = await setUp();
      const wire = await open(port);
      wire.send(ask);
      await admission.waiting();
      admission.answer(why);
      await wire.closed();
      assert.equal(wire.received, `${refused(6, message)}\n`);
      assert.deepEqual(admission.left, []);
      assert.equal(connections.peerCount, 0);
    });
  }
});

describe('a forwarded connection that waits for its place', () => {
  test('asks for it under its own address, and loses nothing of what it sends meanwhile', async () => {
    const { admission, port, gone } = await setUp(['127.0.0.1']);
    const wire = await open(port);
    wire.send(`${header}${ask}${ask.slice(0, 10)}`);
    await admission.waiting();
    assert.deepEqual(admission.asked, ['192.0.2.7']);
    wire.send(ask.slice(10));
    wire.finish();
    admission.answer('ok');
    await wire.closed();
    assert.equal(wire.received, `${answer}\n${answer}\n`);
    await gone();
    assert.deepEqual(admission.left, ['192.0.2.7']);
  });

  test('may come to its end meanwhile, with nothing behind its header', async () => {
    const { admission, port, gone } = await setUp(['127.0.0.1']);
    const wire = await open(port);
    wire.send(header);
    await admission.waiting();
    wire.finish();
    // So that the server has certainly seen it.
    const other = await open(port);
    other.send(header);
    await admission.waiting(2);
    admission.answer('ok');
    await wire.closed();
    assert.equal(wire.received, '');
    other.close();
    await gone();
  });

  test('may be reset meanwhile: a place that it gets is given back, and no answer is written', async () => {
    for (const outcome of ['ok', 'full'] as const) {
      const { admission, connections, port, gone } = await setUp(['127.0.0.1']);
      const wire = await open(port);
      wire.send(header);
      await admission.waiting();
      wire.socket.resetAndDestroy();
      // So that the server has certainly seen it.
      const other = await open(port);
      other.send(header);
      await admission.waiting(2);
      admission.answer(outcome);
      other.finish();
      await other.closed();
      other.close();
      if (outcome === 'ok') await gone();
      else assert.deepEqual(admission.left, []);
      assert.equal(connections.peerCount, 0);
    }
  });

  test('is turned away unheard where as many as there are places have not said yet whose they are', async () => {
    const { admission, port } = await setUp(['127.0.0.1'], 2);
    const silent = [await open(port), await open(port)];
    const late = await open(port);
    await late.closed();
    assert.equal(late.received, `${refused(6, 'too many connections; try again later')}\n`);
    silent[0]?.send(header);
    await admission.waiting();
    const another = await open(port);
    another.send(header);
    await admission.waiting(2);
  });
});

describe('a stop while a connection waits for its place', () => {
  test('answers what it has asked for, and closes it', async () => {
    const { admission, port, server, gone } = await setUp();
    const wire = await open(port);
    wire.send(ask);
    await admission.waiting();
    const drained = server.drain(60_000);
    admission.answer('ok');
    await wire.closed();
    assert.equal(wire.received, `${answer}\n`);
    wire.close();
    await drained;
    await gone();
  });

  test('ends when it is turned away', async () => {
    const { admission, port, server } = await setUp();
    const wire = await open(port);
    await admission.waiting();
    const drained = server.drain(60_000);
    admission.answer('closing');
    await drained;
    await wire.closed();
    assert.equal(wire.received, `${refused(6, 'the server is stopping; try again later')}\n`);
  });

  test('ends at its deadline though no answer comes, and a late one is given back', async () => {
    const { admission, port, server, gone } = await setUp();
    const wire = await open(port);
    await admission.waiting();
    await server.drain(10);
    await wire.closed();
    admission.answer('ok');
    await gone();
  });
});

describe('a kick', () => {
  test('closes those peers that are there, gives their ids, and the view hears who wanted it', async () => {
    const { admission, connections, port, server, gone, told } = await setUp();
    const wires = [await open(port), await open(port), await open(port)] as const;
    await admission.waiting(3);
    admission.answer('ok');
    for (const wire of wires) assert.equal(await wire.ask(ask), answer);
    assert.deepEqual(server.kick(['h/1.x.1', 'h/1.x.9', 'nobody', 'h/1.x.3'], 'line manager'), [
      'h/1.x.1',
      'h/1.x.3',
    ]);
    assert.deepEqual(server.kick(['h/1.x.1'], 'another'), [], 'nobody is disconnected twice');
    await eventually('they are gone', () => (connections.peerCount === 1 ? true : null));
    assert.equal(await eventually('two are left', () => admission.left.length), 2);
    const [changes = assert.fail('nothing was told')] = await told();
    assert.deepEqual(changes.closed.map(({ peer, reason }) => [peer.id, reason]).sort(), [
      ['h/1.x.1', 'kicked by line manager'],
      ['h/1.x.3', 'kicked by line manager'],
    ]);
    const events = changes.events.filter(({ peer }) => peer === 'h/1.x.1');
    assert.deepEqual(events.map(({ type, by, reason }) => [type, by ?? reason]).slice(-2), [
      ['kicked', 'line manager'],
      ['closed', 'kicked by line manager'],
    ]);
    assert.equal(await wires[1].ask(ask), answer, 'who was not named goes on');
    await wires[0].closed();
    await wires[2].closed();
    wires[1].close();
    await gone();
  });
});

test('of many connections turned away the log has the first, and then the others together', async () => {
  const { admission, lines, port } = await setUp();
  mock.timers.enable({ apis: ['setTimeout'] });
  const turnAway = async (count: number) => {
    const many = await Promise.all(Array.from({ length: count }, () => open(port)));
    while (admission.asked.length < count) await new Promise((resolve) => setImmediate(resolve));
    admission.asked.length = 0;
    admission.answer('full');
    for (const wire of many) await wire.closed();
  };
  const counts = () => lines.map(({ turnedAway }) => turnedAway);
  await turnAway(5);
  assert.deepEqual(counts(), [1]);
  await turnAway(3);
  assert.deepEqual(counts(), [1]);
  mock.timers.tick(1_000);
  assert.deepEqual(counts(), [1, 7]);
  mock.timers.tick(1_000);
  mock.timers.tick(1_000);
  assert.deepEqual(counts(), [1, 7], 'nothing to say, nothing said');
  await turnAway(1);
  assert.deepEqual(counts(), [1, 7, 1]);
  assert.equal(lines[0]?.['address'], '127.0.0.1');
});
