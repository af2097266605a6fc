// Clients that were never written for this server: a PLC that searches text, a person at a terminal, a shell script.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import sharp from 'sharp';
import type { LocalServer } from '#src/cli/local-server.js';
import { codesOf, item, refused, reply, request } from '../support/replies.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';

let server: LocalServer;
before(async () => {
  server = await startServer(null, '--cluster.workers', '1');
});
after(async () => {
  assert.equal(await server.stop(), 0);
});

test('a PLC finds its verdicts in the text of the reply', () =>
  Wire.use(server.port, async (wire) => {
    const text = await wire.ask('{"cmd" : 0x01, "request_data": ["normal-01.jpg", "normal-02.jpg"]}');
    assert.equal(text.split('"result": 1, "error_code": 0').length - 1, 2);
    assert.ok(text.includes('"cmd": 2'));
    const other = await wire.ask('{"cmd" : 0x01, "request_data": ["normal-01.jpg", "defective-02.jpg"]}');
    assert.ok(other.indexOf('"result": 1, "error_code": 0') < other.indexOf('"result": 0, "error_code": 0'));
    assert.ok(!(await wire.ask('{"cmd" : 0x01, "request_data": ["no.jpg"]}')).includes('"error_code": 0'));
  }));

test('a person at a terminal mistypes and goes on', () =>
  Wire.use(server.port, async (wire) => {
    const folder = reply(0x33, item('models/samples', 2, 0));
    assert.equal(await wire.ask('help\r\n'), refused(1, 'a request must start with {'));
    assert.equal(await wire.ask('{"cmd": 0x32, "request_data": null}\r\n'), folder);
    assert.equal(await wire.ask('{cmd: 0x32}\r\n'), refused(1, 'the request is not valid JSON'));
    assert.deepEqual(codesOf(await wire.ask("{'cmd': 0x32}\r\n")), [1]);
    wire.send('\r\n\r\n{"cmd": 0x32,\r\n');
    assert.equal(await wire.ask('  "request_data": null}\r\n'), folder);
    assert.equal(
      await wire.ask('quit\r\n{"cmd": 0x36, "request_data": []}\r\n'),
      refused(1, 'a request must start with {'),
    );
    assert.equal(await wire.reply(), reply(0x37, item('models', 2, 0)));
  }));

describe('one transcript', () => {
  let parts: readonly Buffer[];
  let expected: string;
  before(async () => {
    const grey = { width: 40, height: 40, channels: 3 as const, background: { r: 114, g: 114, b: 114 } };
    const picture = await sharp({ create: grey }).png().toBuffer();
    const attached = request(1, [{ file_name: 'p', bytes: picture.length }, 'normal-01.jpg'], {
      request_id: 'i',
    });
    parts = [
      request(3, null),
      `${request(1, ['normal-01.jpg', 'missing.jpg'])}\r\n`,
      request(0x26, ['pear-starter-int8.pt']),
      Buffer.concat([Buffer.from(attached), picture]),
      '{x}',
      request(1, [{ file_name: 'p', data: picture.toString('base64') }]),
      'garbage\n',
      request(0x22, null, { request_id: 7 }),
      request(0x99, [], { request_id: '\ubc30' }),
      `${request(1, [{ bytes: 3 }])}{{{`,
      `  ${request(0x32, null)}\n`,
    ].map((part) => Buffer.from(part));
    expected = await Wire.conversation(server.port, Buffer.concat(parts));
    assert.equal(expected.trimEnd().split('\n').length, parts.length);
    assert.deepEqual(codesOf(expected), [0, 0, 2, 0, 0, 0, 1, 0, 1, 0, 3, 1, 0]);
  });

  test('has the same answers byte by byte', () =>
    Wire.use(server.port, async (wire) => {
      for (const byte of Buffer.concat(parts)) wire.send(Buffer.from([byte]));
      wire.finish();
      await wire.closed();
      assert.equal(wire.received, expected);
    }));

  test('has the same answers request by request', () =>
    Wire.use(server.port, async (wire) => {
      let received = '';
      for (const part of parts) {
        wire.send(part);
        received += `${await wire.reply()}\n`;
      }
      wire.finish();
      await wire.closed();
      assert.equal(received + wire.received, expected);
    }));

  test('has the same answers through nc', async () => {
    const help = spawnSync('nc', ['-h']);
    const knowsN = /^\s+-N\b/m.test(help.stdout.toString() + help.stderr.toString());
    const option = knowsN ? ['-N'] : ['-q', '1'];
    const nc = spawn('nc', [...option, '127.0.0.1', String(server.port)], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    let received = '';
    nc.stdout.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
    });
    nc.stdin.end(Buffer.concat(parts));
    await once(nc, 'close');
    assert.equal(received, expected);
  });
});
