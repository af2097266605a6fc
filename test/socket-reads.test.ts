import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, Socket, type Server } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { connectWithSharedReads, readLittle, withSharedReads } from '#src/socket-reads.js';

async function listen(t: TestContext): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return { server, port: address.port };
}

/** Both ends of a connection: the client's, and the accepted one with shared reads. */
async function pair(t: TestContext) {
  const { server, port } = await listen(t);
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const client = connect({ port, host: '127.0.0.1' });
  const given = await accepted;
  const socket = withSharedReads(given);
  t.after(() => {
    client.destroy();
    socket.destroy();
  });
  return { client, socket, given };
}

/** What comes, copied as it comes, until the other side ends. */
async function everything(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(Buffer.from(piece)));
  socket.resume();
  await once(socket, 'end');
  return Buffer.concat(pieces);
}

/** No two parts of it are alike. */
const large = Buffer.from(Uint32Array.from({ length: 1_000_000 }, (_none, index) => index).buffer);

describe('a connection with shared reads', () => {
  test('brings all bytes in order, and half-closed still takes an answer', async (t) => {
    const { client, socket, given } = await pair(t);
    assert.notEqual(socket, given);
    client.end(large);
    assert.ok((await everything(socket)).equals(large));
    socket.end('answer');
    const answer: unknown[] = await once(client, 'data');
    assert.equal(String(answer[0]), 'answer');
  });

  test('mixes up none of those that are read by turns', async (t) => {
    const pairs = await Promise.all(
      [1, 2, 3].map(async (mask) => ({
        ...(await pair(t)),
        sent: Buffer.from(large.map((byte) => byte ^ mask)),
      })),
    );
    for (const { client, sent } of pairs) client.end(sent);
    await Promise.all(
      pairs.map(async ({ socket, sent }) => {
        assert.ok((await everything(socket)).equals(sent));
      }),
    );
  });

  test('is not read before it is resumed, nor while it is paused', async (t) => {
    const { client, socket } = await pair(t);
    let pieces = 0;
    socket.on('data', () => {
      pieces += 1;
      socket.pause();
    });
    client.write(large);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(pieces, 0);
    socket.resume();
    await once(socket, 'data');
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(pieces, 1);
    assert.ok(socket.bytesRead < large.length);
  });

  test('knows who is at the other side, and outlives the one that it came from', async (t) => {
    const { client, socket, given } = await pair(t);
    if (!given.closed) await once(given, 'close');
    assert.equal(socket.remotePort, client.localPort);
    socket.destroy();
    await once(client.resume(), 'close');
  });

  test('is read a little at a time at first, and where that is wanted', async (t) => {
    const { client, socket } = await pair(t);
    client.end(large);
    const pieces: number[] = [];
    socket.on('data', (piece: Buffer) => {
      pieces.push(piece.length);
      readLittle(socket, pieces.length < 20);
    });
    socket.resume();
    await once(socket, 'end');
    assert.equal(socket.bytesRead, large.length);
    assert.ok(Math.max(...pieces.slice(0, 20)) <= 16 * 1024);
    assert.ok(Math.max(...pieces) > 16 * 1024);
  });

  test('that is gone already comes back as it is', () => {
    const gone = new Socket();
    assert.equal(withSharedReads(gone), gone);
  });

  test('can be opened, too', async (t) => {
    const { server, port } = await listen(t);
    server.once('connection', (accepted) => accepted.end(large));
    const socket = connectWithSharedReads({ port, host: '127.0.0.1' });
    t.after(() => socket.destroy());
    assert.ok((await everything(socket)).equals(large));
  });
});
