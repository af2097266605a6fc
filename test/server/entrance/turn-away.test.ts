import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { pino } from 'pino';
import { TurnAway } from '#src/server/entrance/turn-away.js';
import { refused } from '../../support/replies.js';
import { Wire } from '../../support/wire.js';

test('who is turned away gets an answer that ends as every reply of this server', async (t) => {
  const turnAway = new TurnAway(pino({ level: 'silent' }), '\r\n');
  const listener = createServer((socket) => {
    turnAway.turnAway(socket, '127.0.0.1', 'no worker');
  }).listen(0, '127.0.0.1');
  t.after(() => listener.close());
  await once(listener, 'listening');
  const address = listener.address();
  assert.ok(address !== null && typeof address !== 'string');
  const wire = await Wire.open(address.port);
  await wire.closed();
  assert.equal(wire.received, `${refused(6, 'nobody serves at the moment; try again later')}\r\n`);
  wire.close();
});

test('who is turned away at a port that speaks TLS gets an alert of TLS', async (t) => {
  const turnAway = new TurnAway(pino({ level: 'silent' }), '\n', true);
  const listener = createServer((socket) => {
    turnAway.turnAway(socket, '127.0.0.1', 'full');
  }).listen(0, '127.0.0.1');
  t.after(() => listener.close());
  await once(listener, 'listening');
  const address = listener.address();
  assert.ok(address !== null && typeof address !== 'string');
  await assert.rejects(Wire.openTls(address.port, {}), { code: 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR' });
});
