// One connection with a real socket, and nothing else of the server around it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { pino } from 'pino';
import { z } from 'zod';
import { BaseHandler, CommandRegistry } from '#src/handlers/base-handler.js';
import { defineCommand } from '#src/handlers/command.js';
import { identityOf } from '#src/server/gate.js';
import { Peer } from '#src/server/peer/peer.js';
import { PeerStats } from '#src/server/peer/peer-stats.js';
import { Room } from '#src/server/room.js';
import { textDecoder } from '#src/text-encoding.js';
import { Wire } from '../../support/wire.js';
import { authenticatorOf } from '../../support/tokens.js';

const maxBytes = 1_000_000;

/** Reads that are answered at once (0x22), or when the test says so (0x40). */
class Reads extends BaseHandler {
  readonly waiting: (() => void)[] = [];
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
    defineCommand({
      code: 0x40,
      name: 'list connections',
      role: 'viewer',
      order: 'read',
      args: z.tuple([]),
      expected: 'empty or null',
      run: () =>
        new Promise((resolve) => {
          this.waiting.push(() => {
            resolve([]);
          });
        }),
    }),
  ];
}

const endings: (() => void)[] = [];
afterEach(() => {
  for (const end of endings.splice(0)) end();
});

async function setUp() {
  const listener = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address: AddressInfo | string | null = listener.address();
  assert.ok(typeof address === 'object' && address !== null);
  const accepted = new Promise<Socket>((resolve) => listener.once('connection', resolve));
  const wire = await Wire.open(address.port);
  const socket = await accepted;
  const handler = new Reads();
  const room = new Room({ maxImages: 10, maxBytes });
  const stats = new PeerStats(
    { id: 'h/1', host: 'h', worker: 'h:1:x', address: '::1', port: 1, tls: false },
    identityOf('operator'),
  );
  const peer = new Peer(socket, stats, {
    limits: {
      maxMessageBytes: 200_000,
      messageTimeoutMs: 60_000,
      writeTimeoutMs: 60_000,
      idleTimeoutMs: null,
      maxInFlightBytes: 300_000,
      readAheadBytes: 100_000,
    },
    processor: {
      registry: new CommandRegistry([handler]),
      authenticator: authenticatorOf(),
      decode: textDecoder('utf-8'),
      replyTerminator: '\n',
      maxImageBytes: 1_000,
      maxTokens: 1_000,
      requestTimeoutMs: 60_000,
      maxQueuedImages: 4,
      maxInFlightBytes: 300_000,
      maxPendingRequests: 10_000,
    },
    room,
    log: pino({ level: 'silent' }),
    onChange: () => undefined,
    onClose: () => undefined,
  });
  endings.push(() => {
    wire.close();
    socket.destroy();
    listener.close();
  });
  /** Resolves when the peer has been given so many bytes. */
  const received = async (bytes: number) => {
    while (stats.bytesIn < bytes) await new Promise((resolve) => setImmediate(resolve));
  };
  return { wire, peer, handler, room, received };
}

const read = '{"cmd": 0x22, "request_data": null}';
const held = '{"cmd": 0x40, "request_data": null}';

describe('a connection that is drained', () => {
  test('has all answered that has been read of it, also where its turn was cut short', async () => {
    const { wire, peer, received } = await setUp();
    const count = 3_000;
    wire.send(read.repeat(count));
    await received(read.length * count);
    peer.drain();
    await wire.closed();
    assert.equal(wire.received.split('\n').length - 1, count);
  });

  test('may finish the request that it has begun, and none behind it', async () => {
    const { wire, peer, received } = await setUp();
    wire.send(read.slice(0, 10));
    await received(10);
    peer.drain();
    wire.send(read.slice(10));
    await wire.closed();
    assert.equal(wire.received.split('\n').length - 1, 1);
  });
});

describe('the room of the worker', () => {
  /** What the room says to a peer that holds half of what it has. */
  const isCrowded = (room: Room) => !room.mayGrow(maxBytes);

  test('knows of an unfinished request, and of a connection that is gone', async () => {
    const { wire, room, received } = await setUp();
    const other = room.share();
    other.set(maxBytes / 2 - 50_000);
    wire.send(`{"a": "${'x'.repeat(100_000)}`);
    await received(100_007);
    assert.equal(isCrowded(room), true);
    wire.socket.resetAndDestroy();
    while (isCrowded(room)) await new Promise((resolve) => setImmediate(resolve));
  });

  test('knows of requests that wait, and of replies that wait for one before them', async () => {
    const { wire, handler, room, received } = await setUp();
    const other = room.share();
    other.set(maxBytes / 2 - 50_000);
    const requests = held + read.repeat(40);
    wire.send(requests);
    await received(requests.length);
    assert.equal(isCrowded(room), true, 'requests');
    other.set(maxBytes / 2 - 20_000);
    const refusals = 'x{}'.repeat(20);
    wire.send(refusals);
    await received(requests.length + refusals.length);
    assert.equal(isCrowded(room), true, 'refusals');
    handler.waiting[0]?.();
    while (isCrowded(room)) await new Promise((resolve) => setImmediate(resolve));
  });
});
