// Peers that do not play along: who floods, who announces and does not send. The server slows or
// drops them, stays small, and serves the others.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LocalServer } from '#src/cli/local-server.js';
import { eventually } from '../support/deadline.js';
import { offer } from '../support/offer.js';
import { sample } from '../support/pictures.js';
import { rssBytes, workerPids } from '../support/processes.js';
import { Wire } from '../support/wire.js';
import { askFolder } from '../support/replies.js';
import { startServer } from '../support/server.js';

const mib = 1024 * 1024;

let server: LocalServer;
before(async () => {
  server = await startServer(
    null,
    ...[
      '--cluster.workers',
      '1',
      '--limits.write_timeout_ms',
      '1500',
      '--limits.max_in_flight_bytes',
      String(8 * mib),
    ],
    ...[
      '--limits.max_image_bytes',
      String(4 * mib),
      '--limits.max_message_bytes',
      String(2 * mib),
      '--connections.flush_interval_ms',
      '50',
    ],
  );
});
after(async () => {
  assert.equal(await server.stop(), 0);
});

/** Resident memory of the only worker in bytes. */
async function workerRss(): Promise<number> {
  const [pid = 0] = await workerPids(server.port);
  return rssBytes(pid);
}

describe('a peer that sends images faster than they are judged', () => {
  test('is slowed by not being read, is answered in full, and holds nobody up', async () => {
    const bytes = await sample('normal-01.jpg');
    const count = 300;
    const before = await workerRss();
    const head = Buffer.from(
      JSON.stringify({ cmd: 1, request_data: [{ file_name: 'a', bytes: bytes.length }] }),
    );
    const flooding = await Wire.open(server.port);
    const sent = offer(flooding, Buffer.concat([head, bytes]), count * (head.length + bytes.length));
    const other = await Wire.open(server.port);
    const images = JSON.stringify({ cmd: 1, request_data: ['defective-01.jpg'] });
    for (let asked = 0; asked < 5; asked++) assert.match(await other.ask(images), /"result": 0/);
    assert.ok(flooding.socket.bytesRead < count * 60, 'the others had their turns before the flood was done');
    await sent;
    const replies = await flooding.replies(count);
    assert.ok(replies.every((reply) => reply.includes('"result": 1, "error_code": 0')));
    for (const wire of [flooding, other]) wire.close();
    assert.ok((await workerRss()) - before < 120 * mib, 'memory stays bounded');
  });
});

describe('a peer that announces images and sends none', () => {
  test('costs no memory, and the others are served', async () => {
    const before = await workerRss();
    const announced = JSON.stringify({
      cmd: 1,
      request_data: Array.from({ length: 1000 }, () => ({ file_name: 'a', bytes: 4 * mib })),
    });
    const wires = await Promise.all(Array.from({ length: 10 }, () => Wire.open(server.port)));
    for (const wire of wires) wire.send(`${announced}x`);
    const other = await Wire.open(server.port);
    assert.match(await other.ask('{"cmd": 1, "request_data": ["normal-01.jpg"]}'), /"result": 1/);
    for (const wire of [...wires, other]) wire.close();
    assert.ok((await workerRss()) - before < 80 * mib, 'memory stays bounded');
  });
});

describe('connections that break', () => {
  test('in the middle of anything leave nothing behind', async () => {
    const bytes = await sample('normal-01.jpg');
    const attached = JSON.stringify({
      cmd: 1,
      request_data: [{ file_name: 'a', bytes: bytes.length }, 'normal-01.jpg'],
    });
    for (const part of [
      '{"cmd"',
      attached,
      'junk',
      JSON.stringify({ cmd: 1, request_data: Array(50).fill('normal-01.jpg') }),
    ]) {
      for (let times = 0; times < 5; times++) {
        const wire = await Wire.open(server.port);
        wire.send(part);
        if (part === attached) wire.send(bytes.subarray(0, 1_000));
        await new Promise((resolve) => wire.socket.write('', resolve));
        wire.socket.resetAndDestroy();
      }
    }
    const wire = await Wire.open(server.port);
    await eventually('only this connection is left, and nothing is under way', async () => {
      const list = await wire.ask('{"cmd": 0x40, "request_data": null}');
      return [...list.matchAll(/"in_flight": 0/g)].length === 1 && !/"in_flight": [1-9]/.test(list)
        ? true
        : null;
    });
    assert.match(await wire.ask('{"cmd": 1, "request_data": ["normal-01.jpg"]}'), /"result": 1/);
    wire.close();
  });
});

describe('one connection', () => {
  test('that floods the worker with bad requests takes turns with the others', async () => {
    const count = 150_000;
    const flooding = await Wire.open(server.port);
    flooding.send('{}'.repeat(count));
    await Wire.use(server.port, async (wire) => {
      assert.match(await wire.ask(askFolder), /models\/samples/);
      assert.ok(flooding.received.split('\n').length < count, 'before the flood was answered');
    });
    flooding.close();
  });
});

describe('a client that closes its sending side and reads slowly', () => {
  test('gets every reply all the same', async (t) => {
    const own = await startServer(
      t,
      '--cluster.workers',
      '1',
      '--limits.max_batch',
      '50000',
      '--limits.max_queued_images',
      '50000',
      '--limits.max_queued_images_total',
      '50000',
    );
    const wire = await Wire.open(own.port);
    wire.socket.pause();
    const names = Array(50_000).fill('missing.jpg');
    wire.send(JSON.stringify({ cmd: 1, request_data: names, request_id: 'first' }));
    wire.send('{"cmd": 0x36, "request_data": null}');
    wire.finish();
    // Longer than the server waits for us to close once it has sent everything.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    wire.socket.resume();
    await wire.closed();
    assert.match(wire.received, /"request_id": "first"\}\n\{"cmd": 55,.*\}\n$/);
    wire.close();
    assert.equal(await own.stop(), 0);
  });
});
