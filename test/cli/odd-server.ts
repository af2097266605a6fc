// A listener in place of a server that does what no sound one would, such as to accept and say nothing.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { Ending } from '../support/server.js';

/** `onData`: what it does with what a client sends; by default nothing. Ends with the test. */
export async function oddServer(
  ending: Ending,
  onData: (socket: Socket, text: string) => void = () => undefined,
): Promise<{ readonly port: number; readonly asked: Promise<unknown> }> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      server.emit('asked');
      onData(socket, chunk.toString());
    });
  }).listen(0, '127.0.0.1');
  ending.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return { port: address.port, asked: once(server, 'asked') };
}
