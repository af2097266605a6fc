// What becomes of answers that nobody takes.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { send, text } from '#src/admin/answer.js';
import { ask } from './admin.js';

/** More than the kernel takes for a client that does not read. */
const largeLength = 32 * 1024 * 1024;

test('an answer that nobody reads is dropped, and one that is read is not', async (t) => {
  const server = createServer((_, response) => {
    send(response, text(200, 'x'.repeat(largeLength)), false, 500);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const { port } = address;
  const dropped = new Promise((resolve) => {
    server.once('connection', (theirs: Socket) => theirs.once('close', resolve));
  });
  const idle = connect(port, '127.0.0.1').pause();
  t.after(() => idle.destroy());
  let received = 0;
  idle.on('error', () => undefined);
  idle.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
  await dropped;
  const ended = once(idle, 'close');
  idle.on('data', (piece) => (received += piece.length)).resume();
  await ended;
  assert.ok(received < largeLength, `${received} bytes received`);
  assert.equal((await ask(port, '/')).text.length, largeLength);
});
