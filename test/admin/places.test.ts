// Connections of the admin HTTP that only take a place: probes come through all the same, and who has asked is not cut off.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { connectionsMax, connectionsPerNetworkMax } from '#src/admin/places.js';
import { Wire } from '../support/wire.js';
import { ask, startAdmin } from './admin.js';

const events = 'GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n';

describe('connections of the admin HTTP that say nothing', () => {
  const wires: Wire[] = [];
  afterEach(() => {
    for (const wire of wires.splice(0)) wire.close();
  });
  const open = async (port: number, from = '127.0.0.1') => {
    const wire = await Wire.open(port, from);
    wires.push(wire);
    return wire;
  };

  test('give way to others of their address, the oldest first; who has asked does not', async (t) => {
    const { port } = await startAdmin(t);
    const stream = await open(port);
    assert.match(await stream.ask(events), /^HTTP\/1\.1 200/);
    const other = await open(port, '127.0.0.2');
    assert.match(await other.ask(events), /^HTTP\/1\.1 200/);
    for (let index = 1; index < connectionsPerNetworkMax; index++) await open(port);
    assert.equal((await ask(port, '/livez')).status, 200);
    await wires[2]?.closed();
    const readyStates = [stream, other].map(({ socket }) => socket.readyState);
    assert.deepEqual(readyStates, ['open', 'open']);
  });

  test('give way where they take all places, from whatever addresses', async (t) => {
    const { port } = await startAdmin(t);
    for (let index = 0; index < connectionsMax; index++)
      await open(port, `127.0.1.${1 + (index % (connectionsMax / connectionsPerNetworkMax))}`);
    for (const path of ['/livez', '/readyz']) assert.equal((await ask(port, path)).status, 200);
    await wires[0]?.closed();
  });

  test('give way, and who has asked does not: where all have, there is no room until one is answered', async (t) => {
    const { port } = await startAdmin(t);
    const body = '{"ids": []}';
    const asking =
      'POST /api/connections/kick HTTP/1.1\r\nhost: localhost\r\nx-pear-request: 1\r\nexpect: 100-continue\r\n' +
      `content-type: application/json\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n`;
    for (let index = 0; index < connectionsPerNetworkMax; index++)
      assert.match(await (await open(port)).ask(asking), /^HTTP\/1\.1 100/);
    await assert.rejects(ask(port, '/livez'));
    wires[0]?.send(body);
    await wires[0]?.closed();
    assert.equal((await ask(port, '/livez')).status, 200);
  });

  test('are closed after seconds, as are those that stop within a request or ask nothing more', async (t) => {
    const { port } = await startAdmin(t);
    const [silent, slow, done] = [await open(port), await open(port), await open(port)];
    slow.send('GET /livez HTTP/1.1\r\nhost: local');
    assert.match(await done.ask('GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n'), /^HTTP\/1\.1 200/);
    await Promise.all([silent, slow, done].map((each) => each.closed()));
  });
});
