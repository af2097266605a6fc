// What becomes of answers that nobody takes, or takes a little of now and then.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { json, send, text } from '#src/admin/answer.js';
import { ask } from './admin.js';

/** More than the kernel takes for a client that does not read. */
const largeLength = 32 * 1024 * 1024;
const foreverMs = 600_000;

describe('an answer', () => {
  const server = createServer((request, response) => {
    const [silenceMs, totalMs] = request.url === '/in-time' ? [foreverMs, 1_000] : [500, foreverMs];
    send(response, text(200, 'x'.repeat(largeLength)), false, { silenceMs, totalMs });
  });
  let port = 0;
  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    port = address.port;
  });
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  const asking = (path: string) => {
    const dropped = new Promise((resolve) => {
      server.once('connection', (theirs: Socket) => theirs.once('close', resolve));
    });
    const socket = connect(port, '127.0.0.1').pause();
    socket.on('error', () => undefined);
    socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    return { socket, dropped };
  };

  test('that nobody reads is dropped, and one that is read is not', async () => {
    const { socket, dropped } = asking('/');
    let received = 0;
    await dropped;
    const ended = once(socket, 'close');
    socket.on('data', (piece) => (received += piece.length)).resume();
    await ended;
    assert.ok(received < largeLength, `${received} bytes received`);
    assert.equal((await ask(port, '/')).text.length, largeLength);
  });

  test('that is read a little now and then is dropped after its time', async () => {
    const { socket, dropped } = asking('/in-time');
    let received = 0;
    // A second's worth is a small part of it.
    const reading = setInterval(() => {
      const piece: unknown = socket.read(1);
      if (piece !== null) received++;
    }, 20);
    await dropped;
    clearInterval(reading);
    assert.ok(received > 0);
    socket.destroy();
  });

  test('holds no character that a terminal obeys, and means the same', () => {
    const error = 'a\x1b\x9b\u202eb';
    const { body } = json(400, { error });
    assert.equal(body, '{"error":"a\\u001b\\u009b\\u202eb"}\n');
    assert.deepEqual(JSON.parse(body), { error });
  });
});
