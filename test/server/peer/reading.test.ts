import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { Reading } from '#src/server/peer/reading.js';
import { Wire } from '../../support/wire.js';

/** Both ends of a connection; the accepted one is paused. */
async function setUp(t: { after(end: () => void): void }) {
  const listener = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  assert.ok(typeof address === 'object' && address !== null);
  const accepted = new Promise<Socket>((resolve) => listener.once('connection', resolve));
  const wire = await Wire.open(address.port);
  const socket = await accepted;
  const reading = { now: new Reading(socket, () => true) };
  t.after(() => {
    reading.now.stop();
    wire.close();
    socket.destroy();
    listener.close();
  });
  return { wire, socket, reading };
}

test('a connection that is not read is looked at after a while, so that a reset is noticed', async (t) => {
  const { wire, socket, reading } = await setUp(t);
  const gone = once(socket, 'error');
  const read = once(socket, 'data');
  reading.now.pause();
  wire.send('x');
  await read;
  reading.now.pause();
  wire.socket.resetAndDestroy();
  assert.match(String(await gone), /ECONNRESET/);
});

test('a connection of which enough waits is not looked at', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { socket, reading } = await setUp(t);
  reading.now = new Reading(socket, () => false);
  reading.now.pause();
  t.mock.timers.tick(10_000);
  assert.equal(socket.isPaused(), true);
});
