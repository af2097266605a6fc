// Connections of the admin HTTP that only take a place: probes come through all the same, and who is being answered is not
// cut off.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import {
  connectionsMax,
  connectionsPerNetworkMax,
  firstConnectionsMax,
  probesMax,
} from '#src/admin/places.js';
import { eventually } from '../support/deadline.js';
import { knownTokens, tokens, wrongToken } from '../support/tokens.js';
import { Wire } from '../support/wire.js';
import { ask, startAdmin } from './admin.js';
import { HoldingView } from './holding-view.js';

const events = 'GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n';
const getting = (path: string, ...headers: readonly string[]) =>
  [`GET ${path} HTTP/1.1`, 'host: localhost', ...headers, '', ''].join('\r\n');

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
  /** Resolves when the server has read the request. */
  const begin = async (port: number, from: string, path: string, ...headers: readonly string[]) => {
    const wire = await open(port, from);
    assert.match(await wire.ask(getting(path, 'expect: 100-continue', ...headers)), /^HTTP\/1\.1 100/);
    return wire;
  };
  /** What is answered on a new connection; null: it was closed. */
  const statusOf = async (port: number, from: string, path: string) => {
    const wire = await open(port, from);
    const line = await wire.ask(getting(path)).catch(() => null);
    return line === null ? null : Number(line.split(' ')[1]);
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

  test('give way also while they wait for the late answer to a wrong token', async (t) => {
    const roles = { defaultRole: 'viewer', loopbackRole: 'viewer', tokens: knownTokens } as const;
    const { port } = await startAdmin(t, { delayMs: 30_000, roles });
    const guess = `authorization: Bearer ${wrongToken}`;
    const perNetwork = 4;
    for (let index = 0; index < connectionsMax; index++)
      await begin(port, `127.0.2.${1 + Math.floor(index / perNetwork)}`, '/metrics', guess);
    // More than are kept for those that have none.
    for (let index = 1; index <= firstConnectionsMax + 8; index++)
      await begin(port, `127.0.3.${index}`, '/metrics', guess);
    for (const [index, path] of ['/livez', '/readyz', '/api/status'].entries())
      assert.equal(await statusOf(port, `127.0.4.${1 + index}`, path), 200, path);
    const admin = await begin(port, '127.0.4.9', '/api/closed', `authorization: Bearer ${tokens.admin}`);
    await eventually('it is answered', () => /HTTP\/1\.1 200/.exec(admin.received));
    await wires[0]?.closed();
  });

  test('leave places to networks that have none; where nobody gives way, health is answered all the same', async (t) => {
    const view = new HoldingView();
    const { port } = await startAdmin(t, { view });
    const networks = Array.from({ length: 4 }, (_, index) => `127.0.5.${1 + index}`);
    for (let index = 0; index < connectionsMax - firstConnectionsMax; index++)
      await begin(port, networks[index % networks.length] ?? '', '/api/connections');
    assert.equal(await statusOf(port, '127.0.5.1', '/api/closed'), 503, 'who has some gets no more');
    assert.equal(await statusOf(port, '127.0.5.1', '/livez'), 200);
    assert.equal(await statusOf(port, '127.0.6.1', '/api/closed'), 200, 'who has none does');
    wires.at(-1)?.close();
    for (let index = 0; index < firstConnectionsMax; index++)
      await begin(port, `127.0.7.${1 + index}`, '/api/connections');
    for (let index = 0; index < probesMax + 8; index++) await open(port, `127.0.8.${1 + (index % 8)}`);
    for (const path of ['/livez', '/readyz']) assert.equal(await statusOf(port, '127.0.9.1', path), 200);
    assert.equal(await statusOf(port, '127.0.9.1', '/api/closed'), 503);
    await view.release();
    await eventually('it has been answered', () => /HTTP\/1\.1 200/.exec(wires[0]?.received ?? ''));
    assert.equal(
      await statusOf(port, '127.0.9.1', '/api/closed'),
      200,
      'its connection waits, and gives way',
    );
  });

  test('leave places to health also where one address has all of its own', async (t) => {
    const view = new HoldingView();
    const { port } = await startAdmin(t, { view });
    for (let index = 0; index < connectionsPerNetworkMax; index++)
      await begin(port, '127.0.0.1', '/api/connections');
    const refused = await ask(port, '/api/closed');
    assert.deepEqual(
      [refused.status, refused.headers['retry-after'], refused.headers.connection],
      [503, '5', 'close'],
    );
    assert.equal((await ask(port, '/livez')).headers.connection, 'close');
    await view.release();
    await eventually('it has been answered', () => /HTTP\/1\.1 200/.exec(wires[0]?.received ?? ''));
    assert.equal((await ask(port, '/api/closed')).status, 200);
  });

  test('are closed after seconds, as are those that stop within a request or ask nothing more', async (t) => {
    const { port } = await startAdmin(t);
    const [silent, slow, done] = [await open(port), await open(port), await open(port)];
    slow.send('GET /livez HTTP/1.1\r\nhost: local');
    assert.match(await done.ask('GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n'), /^HTTP\/1\.1 200/);
    await Promise.all([silent, slow, done].map((each) => each.closed()));
  });
});
