// Behind a balancer: the header says whose connection it is, and nobody becomes a program of the machine by it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LocalServer } from '#src/cli/local-server.js';
import { Wire } from '../support/wire.js';
import { askFolder } from '../support/replies.js';
import { startServer } from '../support/server.js';

const header = 'PROXY TCP4 192.0.2.7 10.0.0.1 51000 9090\r\n';

describe('a listed balancer', () => {
  let server: LocalServer;
  before(async () => {
    server = await startServer(
      null,
      '--cluster.workers',
      '1',
      '--server.proxy_protocol',
      '["127.0.0.1", "127.0.1.0/29"]',
    );
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
  });

  test('gives its clients their own address, in one segment or byte by byte', async () => {
    const wire = await Wire.open(server.port);
    assert.match(await wire.ask(`${header}${askFolder}`), /models\/samples/);
    const line = await server.line((each) => each.msg === 'connected' && each['address'] === '192.0.2.7');
    assert.equal(line['port'], 51000);
    wire.close();
    const slow = await Wire.open(server.port);
    for (const character of header) slow.send(character);
    assert.match(await slow.ask(askFolder), /models\/samples/);
    slow.close();
  });

  test('may write it in the binary form, which makes nobody a program of this machine either', async () => {
    const binary = (command: string, rest: string) =>
      Buffer.from(`0d0a0d0a000d0a515549540a${command}${rest}`, 'hex');
    const list = Buffer.from('{"cmd": 0x40, "request_data": null}');
    for (const [what, start] of [
      ['TCP over IPv4', binary('2111', '000cc00002090a000001c7382382')],
      ['its own question whether we live', binary('2000', '0000')],
      ['a loopback address', binary('2111', '000c7f0000017f000001c7382382')],
    ] as const) {
      const wire = await Wire.open(server.port);
      for (const byte of start) wire.send(Uint8Array.of(byte));
      wire.send(list);
      assert.match(await wire.reply(), /"error_code": 5/, what);
      assert.match(await wire.ask(askFolder), /models\/samples/, what);
      wire.close();
    }
    const line = await server.line((each) => each.msg === 'connected' && each['address'] === '192.0.2.9');
    assert.equal(line['port'], 51000);
  });

  test('may be any of a listed network, and none beside it', async () => {
    const wire = await Wire.open(server.port, '127.0.1.7');
    assert.match(await wire.ask(`${header}${askFolder}`), /models\/samples/);
    wire.close();
    const beside = await Wire.open(server.port, '127.0.1.8');
    assert.match(await beside.ask(header), /a request must start with/);
    beside.close();
  });

  test('never makes anybody a program of this machine, not even one with a loopback address', async () => {
    for (const start of ['PROXY UNKNOWN\r\n', 'PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n']) {
      const wire = await Wire.open(server.port);
      assert.match(await wire.ask(`${start}{"cmd": 0x40, "request_data": null}`), /"error_code": 5/);
      wire.close();
    }
  });

  test('that sends no header is closed without an answer, and the server goes on', async () => {
    const wire = await Wire.open(server.port);
    wire.send(askFolder);
    await wire.closed();
    assert.equal(wire.received, '');
    const other = await Wire.open(server.port);
    assert.match(await other.ask(`${header}${askFolder}`), /models\/samples/);
    other.close();
  });
});

test('from anybody else the header is garbage', async (t) => {
  const server = await startServer(t, '--cluster.workers', '1', '--server.proxy_protocol', '["127.0.0.3"]');
  const wire = await Wire.open(server.port);
  wire.send(`${header}${askFolder}`);
  const [first = '', second = ''] = await wire.replies(2);
  assert.match(first, /"error_code": 1, "message": "a request must start with \{"/);
  assert.match(second, /models\/samples/);
  wire.close();
  assert.equal(await server.stop(), 0);
});
