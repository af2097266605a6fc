// A balancer has five seconds for its header. What the header says is proxy-header's business.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { mock, test } from 'node:test';
import { readForwarded } from '#src/server/entrance/proxied.js';
import { Wire } from '../../support/wire.js';

test('a balancer that does not end its header within five seconds is given up', async (t) => {
  const listener = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  t.after(() => listener.close());
  await once(listener, 'listening');
  const address = listener.address();
  assert.ok(address !== null && typeof address !== 'string');
  const accepted = new Promise<Socket>((resolve) => listener.once('connection', resolve));
  const wire = await Wire.open(address.port);
  const socket = await accepted;
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => {
    mock.timers.reset();
    socket.destroy();
    wire.close();
  });
  let outcome: unknown = 'none yet';
  const read = readForwarded(socket).then((forwarded) => (outcome = forwarded));
  wire.send('PROXY TCP4 192.0.2.7');
  await once(socket, 'data');
  mock.timers.tick(4_999);
  await Promise.resolve();
  assert.equal(outcome, 'none yet');
  mock.timers.tick(1);
  assert.equal(await read, null);
});
