// The way out over real sockets. Kernels take some megabytes for a peer that does not read; what is more waits here.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, test } from 'node:test';
import { Outgoing } from '#src/server/peer/outgoing.js';

const moreThanKernelsTake = Buffer.alloc(64 * 1024 * 1024, 'x');
const never = 2 ** 30;

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

/** Both ends of a connection, ours with its way out; the peer's end is not read until somebody listens. */
async function setUp(timeoutMs = never) {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const peer = connect({ port: portOf(server.address()), host: '127.0.0.1', allowHalfOpen: true });
  const socket = await accepted;
  server.close();
  sockets.push(socket, peer);
  const told: string[] = [];
  let onTold: () => void = () => undefined;
  const tell = (what: string) => {
    told.push(what);
    onTold();
  };
  const outgoing = new Outgoing(socket, timeoutMs, {
    onTaken: () => {
      tell('taken');
    },
    onStuck: (waitingBytes) => {
      tell(
        `stuck with ${waitingBytes === outgoing.waitingBytes && waitingBytes > 0 ? 'what waits' : 'less'}`,
      );
    },
  });
  /** Resolves when something is told. */
  const news = () =>
    new Promise<void>((resolve) => {
      onTold = resolve;
    });
  return { socket, peer, outgoing, told, news };
}

function portOf(address: AddressInfo | string | null): number {
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
}

/** Everything that comes until the other side's end. */
async function readAll(peer: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  peer.on('data', (chunk) => chunks.push(chunk));
  await once(peer, 'end');
  return Buffer.concat(chunks);
}

describe('replies', () => {
  test('go out in order, and our end behind the last of them', async () => {
    const { socket, peer, outgoing, told } = await setUp();
    for (const text of ['a', 'b', 'c']) outgoing.write(Buffer.from(text));
    assert.equal(outgoing.isBackedUp, false);
    outgoing.end();
    outgoing.end();
    assert.equal((await readAll(peer)).toString(), 'abc');
    const closed = once(socket, 'close');
    peer.end();
    await closed;
    assert.deepEqual(told, []);
  });

  test('that are not read wait, and it is told when they are taken', async () => {
    const { socket, peer, outgoing, told, news } = await setUp();
    outgoing.write(moreThanKernelsTake);
    assert.equal(outgoing.isBackedUp, true);
    assert.ok(outgoing.waitingBytes > 0);
    const [taken, all] = [news(), readAll(peer)];
    await taken;
    assert.deepEqual([told, outgoing.isBackedUp, outgoing.waitingBytes], [['taken'], false, 0]);
    assert.equal(socket.destroyed, false);
    outgoing.end();
    assert.ok((await all).equals(moreThanKernelsTake));
  });

  test('of which nothing is taken for too long are told of, with how much of them waits', async () => {
    const { outgoing, told, news } = await setUp(20);
    const stuck = news();
    outgoing.write(moreThanKernelsTake);
    await stuck;
    assert.deepEqual(told, ['stuck with what waits']);
  });

  test('of which nothing is taken for too long are told of behind our end too', async () => {
    const { outgoing, told, news } = await setUp(20);
    const stuck = news();
    outgoing.write(moreThanKernelsTake);
    outgoing.end();
    await stuck;
    assert.deepEqual(told, ['stuck with what waits']);
  });

  test('of which only a little waits are told of all the same', async () => {
    const { socket, outgoing, told, news } = await setUp(20);
    const stuck = news();
    socket.cork();
    outgoing.write(Buffer.from('a few bytes'));
    await stuck;
    assert.deepEqual(told, ['stuck with what waits']);
  });

  test('to a peer that is gone go nowhere, and nobody waits for it', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { socket, outgoing, told } = await setUp(1_000);
    outgoing.write(moreThanKernelsTake);
    const closed = once(socket, 'close');
    socket.destroy();
    assert.equal(outgoing.waitingBytes, 0);
    await closed;
    outgoing.write(Buffer.from('x'));
    outgoing.end();
    t.mock.timers.tick(60_000);
    assert.deepEqual(told, []);
  });
});

describe('a peer that has been sent our end', () => {
  test('is read as long as it goes on sending, and cut off where it neither sends nor closes its side', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { socket, peer, outgoing, told } = await setUp(1_000);
    const heard = readAll(peer);
    const finished = once(socket, 'finish');
    outgoing.write(Buffer.from('last words'));
    outgoing.end();
    await finished;
    assert.equal((await heard).toString(), 'last words');
    const came = once(socket, 'data');
    peer.write('more');
    await came;
    t.mock.timers.tick(2_000);
    assert.equal(socket.destroyed, false, 'it has sent something');
    t.mock.timers.tick(1_999);
    assert.equal(socket.destroyed, false);
    t.mock.timers.tick(1);
    assert.equal(socket.destroyed, true);
    assert.deepEqual(told, [], 'which is no fault of the peer');
  });
});
