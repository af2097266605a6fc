// How many connections the host takes, in all and of one address, counted over two workers.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LocalServer } from '#src/cli/local-server.js';
import { eventually } from '../support/deadline.js';
import { signalTo } from '../support/processes.js';
import { askFolder, refused } from '../support/replies.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';

const full = refused(6, 'too many connections; try again later');
const addressFull = refused(6, 'too many connections from this address; try again later');

/** What a connection is told first where it says `start` and then asks for the image folder. */
async function firstReply(wire: Wire, start = ''): Promise<'served' | 'full' | 'address full'> {
  const reply = await wire.ask(start + askFolder);
  if (reply.includes('models/samples')) return 'served';
  await wire.closed();
  assert.equal(wire.received, '', 'one reply and the end');
  wire.close();
  if (reply === addressFull) return 'address full';
  assert.equal(reply, full);
  return 'full';
}

/** A connection that is served, as soon as there is a place. */
function place(port: number): Promise<Wire> {
  return eventually('there is a place', async () => {
    const wire = await Wire.open(port);
    return (await firstReply(wire)) === 'served' ? wire : null;
  });
}

describe('a host with ten places and two workers', () => {
  const places = 10;
  let server: LocalServer;
  let wires: Wire[] = [];
  before(async () => {
    server = await startServer(null, '--cluster.workers', '2', '--limits.max_peers', String(places));
  });
  after(async () => {
    for (const wire of wires) wire.close();
    assert.equal(await server.stop(), 0);
  });

  test('serves exactly ten of thirty that come at once, and tells the others why not', async () => {
    const all = await Promise.all(Array.from({ length: 30 }, () => Wire.open(server.port)));
    const replies = await Promise.all(all.map((wire) => firstReply(wire)));
    wires = all.filter((_, index) => replies[index] === 'served');
    assert.equal(wires.length, places);
    assert.equal(replies.filter((reply) => reply === 'full').length, all.length - places);
  });

  test('takes no eleventh, and another one for each that goes', async () => {
    assert.equal(await firstReply(await Wire.open(server.port)), 'full');
    for (const gone of wires.splice(0, 3)) gone.close();
    while (wires.length < places) wires.push(await place(server.port));
    assert.equal(await firstReply(await Wire.open(server.port)), 'full');
  });

  test('has the places of a killed worker again, and no more than those', async () => {
    const [first] = wires;
    assert.ok(first !== undefined);
    const status = await first.ask('{"cmd": 0x44, "request_data": null}');
    const [pid] = [...status.matchAll(/"pid": (\d+)/g)].map((match) => Number(match[1]));
    assert.ok(pid !== undefined);
    signalTo(pid, 'SIGKILL');
    await server.line(({ msg }) => msg.includes('a worker died'));
    // The dead worker's connections end; which these are shows in whether they still answer.
    const alive = await Promise.all(
      wires.map(async (wire) => {
        wire.send(askFolder);
        return wire.reply().then(
          () => true,
          () => false,
        );
      }),
    );
    const kept = wires.filter((_, index) => alive[index] === true);
    for (const wire of wires) if (!kept.includes(wire)) wire.close();
    wires = kept;
    while (wires.length < places) wires.push(await place(server.port));
    assert.equal(await firstReply(await Wire.open(server.port)), 'full');
    for (const wire of wires) assert.equal(await firstReply(wire), 'served');
  });
});

describe('a host with two places for each address, two workers and a balancer', () => {
  const balancer = '127.0.0.3';
  let server: LocalServer;
  const wires: Wire[] = [];
  before(async () => {
    server = await startServer(
      null,
      ...['--cluster.workers', '2', '--limits.max_peers_per_address', '2'],
      ...['--server.proxy_protocol', JSON.stringify([balancer])],
    );
  });
  after(async () => {
    for (const wire of wires) wire.close();
    assert.equal(await server.stop(), 0);
  });

  async function replyTo(from: string, start = ''): Promise<string> {
    const wire = await Wire.open(server.port, from);
    wires.push(wire);
    return firstReply(wire, start);
  }

  test('takes two of one address, and still those of another', async () => {
    assert.equal(await replyTo('127.0.0.1'), 'served');
    assert.equal(await replyTo('127.0.0.1'), 'served');
    assert.equal(await replyTo('127.0.0.1'), 'address full');
    assert.equal(await replyTo('127.0.0.2'), 'served');
    const line = await server.line(({ msg }) => msg === 'turned connections away');
    assert.equal(line['address'], '127.0.0.1');
  });

  test('counts those that a balancer forwards by the address that it names', async () => {
    const forwarded = (source: string) =>
      replyTo(balancer, `PROXY TCP${source.includes(':') ? '6' : '4'} ${source} 10.0.0.1 51000 9090\r\n`);
    assert.equal(await forwarded('192.0.2.7'), 'served');
    assert.equal(await forwarded('::ffff:192.0.2.7'), 'served');
    assert.equal(await forwarded('192.0.2.7'), 'address full');
    assert.equal(await forwarded('192.0.2.8'), 'served');
    assert.equal(await forwarded('127.0.0.1'), 'address full', 'as it has two places already');
    assert.equal(await forwarded('2001:db8::1'), 'served');
    assert.equal(await forwarded('2001:db8::ffff:0:0:2'), 'served');
    assert.equal(await forwarded('2001:db8:0:0:3::'), 'address full', 'of the same /64 network');
    assert.equal(await forwarded('2001:db8:0:1::1'), 'served');
  });
});
