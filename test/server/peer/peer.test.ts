// One connection with a real socket, and nothing else of the server around it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { pino } from 'pino';
import { z } from 'zod';
import type { Role } from '#src/config/schema.js';
import { AuthenticationHandler } from '#src/handlers/authentication-handler.js';
import { BaseHandler, CommandRegistry } from '#src/handlers/base-handler.js';
import { defineCommand } from '#src/handlers/command.js';
import type { Authenticator } from '#src/server/authenticator.js';
import { ConnectionLog } from '#src/server/connection-log.js';
import { identityOf } from '#src/server/gate.js';
import { Peer } from '#src/server/peer/peer.js';
import { PeerStats } from '#src/server/peer/peer-stats.js';
import { Turns } from '#src/server/peer/turns.js';
import { Room } from '#src/server/room.js';
import { textDecoder } from '#src/text-encoding.js';
import { offer } from '../../support/offer.js';
import { Wire } from '../../support/wire.js';
import { authenticate, authenticatorOf, tokens, wrongToken } from '../../support/tokens.js';

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

async function setUp({
  role = 'operator',
  authenticator = authenticatorOf(),
}: { readonly role?: Role; readonly authenticator?: Authenticator } = {}) {
  const listener = createServer({ allowHalfOpen: true, noDelay: true }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address: AddressInfo | string | null = listener.address();
  assert.ok(typeof address === 'object' && address !== null);
  const accepted = new Promise<Socket>((resolve) => listener.once('connection', resolve));
  const wire = await Wire.open(address.port);
  const socket = await accepted;
  const handler = new Reads();
  const lines: string[] = [];
  const room = new Room({ maxImages: 10, maxBytes });
  const stats = new PeerStats(
    { id: 'h/1', host: 'h', worker: 'h:1:x', address: '::1', port: 1, tls: false },
    identityOf(role),
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
      registry: new CommandRegistry([handler, new AuthenticationHandler()]),
      authenticator,
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
    turns: new Turns(),
    log: new ConnectionLog(
      pino({ level: 'info' }, { write: (line) => void lines.push(line) }),
      (address) => address,
    ),
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
  return { wire, peer, handler, room, stats, lines, received };
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

/** What the room says to a peer that holds half of what it has. */
const isCrowded = (room: Room) => !room.mayGrow(maxBytes);

describe('the room of the worker', () => {
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
    // What a turn of the peer has left is taken in the next one.
    while (!isCrowded(room)) await new Promise((resolve) => setImmediate(resolve));
    other.set(maxBytes / 2 - 20_000);
    const refusals = 'x{}'.repeat(20);
    wire.send(refusals);
    await received(requests.length + refusals.length);
    while (!isCrowded(room)) await new Promise((resolve) => setImmediate(resolve));
    handler.waiting[0]?.();
    while (isCrowded(room)) await new Promise((resolve) => setImmediate(resolve));
  });
});

describe('a connection that does not read its replies', () => {
  test('is dropped where the worker holds too much, and one that reads them is not', async () => {
    const { wire, peer, room, lines } = await setUp();
    const other = room.share();
    other.set(2 * maxBytes);
    assert.match(await wire.ask(read), /m\.onnx/);
    other.set(0);
    wire.socket.pause();
    // The kernels of both sides take some megabytes of replies.
    void offer(wire, Buffer.from(read.repeat(100)), 100_000_000);
    while (!peer.isBackedUp) await new Promise((resolve) => setImmediate(resolve));
    other.set(2 * maxBytes);
    wire.socket.resume();
    await wire.closed();
    assert.match(lines.join(''), /"dropping a peer that does not read its replies"/);
    other.set(maxBytes / 2);
    assert.equal(isCrowded(room), false, 'and holds nothing any more');
  });
});

describe('a connection that may only look', () => {
  const long = `{"cmd": 0x22, "request_data": null, "more": "${'x'.repeat(150_000)}"}`;
  const tooLong =
    /"error_code": 1, "message": "the request is longer than 16384 bytes, which needs the role operator;/;

  test('may send no more of a request than its commands need, and so takes no room of others', async () => {
    const { wire, room } = await setUp({ role: 'viewer' });
    const other = room.share();
    other.set(maxBytes / 2 - 50_000);
    wire.send(long.slice(0, -2));
    await wire.closed();
    assert.match(wire.received, tooLong);
    while (isCrowded(room)) await new Promise((resolve) => setImmediate(resolve));
  });

  test('may send more as soon as a token lets it classify, also right behind that', async () => {
    const { wire } = await setUp({ role: 'viewer' });
    wire.send(authenticate(tokens.operator) + long);
    const [shown, model] = await wire.replies(2);
    assert.match(shown ?? '', /"result": 2/);
    assert.match(model ?? '', /"m\.onnx"/);
  });

  test('is not read further while a token of it waits, and then as its role is', async () => {
    const authenticator = authenticatorOf({ delayMs: 30_000 });
    const { wire, stats, received } = await setUp({ role: 'viewer', authenticator });
    wire.send(authenticate(wrongToken) + long);
    await received(16 * 1024);
    assert.equal(wire.received, '');
    authenticator.close();
    await wire.closed();
    const [shown, refused] = wire.received.split('\n');
    assert.match(shown ?? '', /"error_code": 5/);
    assert.match(refused ?? '', tooLong);
    assert.equal(stats.role, 'viewer');
  });
});

test('who somebody is by a token is logged once, however often it is shown', async () => {
  const { wire, lines } = await setUp({ role: 'viewer' });
  const both = authenticate(tokens.operator) + authenticate(tokens.viewer);
  wire.send(both.repeat(50) + authenticate(tokens.admin));
  await wire.replies(101);
  const told = lines.filter((line) => line.includes('"msg":"authenticated"'));
  assert.deepEqual(
    told.map((line) => /"role":"(\w+)"/.exec(line)?.[1]),
    ['operator', 'admin'],
  );
});
