// Images behind the message: where they end, what is skipped when they are refused, and when that cannot be told.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LocalServer } from '#src/cli/local-server.js';
import { sample } from '../support/pictures.js';
import { codesOf, item, refused, reply, request } from '../support/replies.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';

const maxImageBytes = 200_000;
const models = reply(0x37, item('models', 2, 0));
const askModels = request(0x36, null);

let normal: Buffer;
let defective: Buffer;
let server: LocalServer;
let wire: Wire;
before(async () => {
  [normal, defective] = [await sample('normal-01.jpg'), await sample('defective-01.jpg')];
  server = await startServer(
    null,
    ...['--cluster.workers', '1', '--limits.max_batch', '50'],
    ...['--limits.max_image_bytes', String(maxImageBytes)],
  );
  wire = await Wire.open(server.port);
});
after(async () => {
  wire.close();
  assert.equal(await server.stop(), 0);
});

describe('images behind the message', () => {
  test('come in order, with nothing between, whatever the segmentation', async () => {
    const images = [
      { file_name: 'a', bytes: normal.length },
      'defective-02.jpg',
      { file_name: '\ubc30', bytes: defective.length },
    ];
    const stream = Buffer.concat([
      Buffer.from(request(1, images)),
      normal,
      defective,
      Buffer.from(askModels),
    ]);
    const first = `{"cmd": 2, "response_data": [${item('a', 1, 0)}, ${item('defective-02.jpg', 0, 0)}, {"file_name": "\\ubc30", "result": 0, "error_code": 0}], "request_data": null}`;
    for (const size of [stream.length, 1_000]) {
      for (let at = 0; at < stream.length; at += size) wire.send(stream.subarray(at, at + size));
      assert.deepEqual(await wire.replies(2), [first, models]);
    }
  });

  for (const bytes of ['4.0', '0x4', '4e0']) {
    test(`may be counted as ${bytes}`, async () => {
      wire.send(`{"cmd": 1, "request_data": [{"file_name": "a", "bytes": ${bytes}}]}{"}"${askModels}`);
      assert.deepEqual(await wire.replies(2), [reply(2, item('a', null, 8)), models]);
    });
  }

  test('may be as large as limits.max_image_bytes', async () => {
    wire.send(request(1, [{ file_name: 'a', bytes: maxImageBytes }]));
    wire.send(Buffer.concat([normal, Buffer.alloc(maxImageBytes - normal.length), Buffer.from(askModels)]));
    assert.deepEqual(await wire.replies(2), [reply(2, item('a', 1, 0)), models]);
  });

  for (const bytes of ['0', '-1', '1.5', '"5"', 'null', 'true', '[]', '1e999', String(maxImageBytes + 1)]) {
    test(`of ${bytes} bytes close the connection after the answer`, () =>
      Wire.use(server.port, async (own) => {
        own.send('{"cmd": 1, "request_data": ["normal-02.jpg"]}');
        own.send(
          `{"cmd": 1, "request_data": ["normal-02.jpg", {"file_name": "a", "bytes": ${bytes}}], "request_id": 7}${askModels}`,
        );
        await own.closed();
        const message = `classification: bytes must be a whole number from 1 to ${maxImageBytes}`;
        assert.equal(
          own.received,
          `${reply(2, item('normal-02.jpg', 1, 0))}\n${refused(1, message, ', "request_id": 7')}\n`,
        );
      }));
  }

  test('mean nothing to other commands', async () => {
    for (const cmd of [0x22, 0x40, 0x30, 0x99, 0x03]) {
      for (const bytes of [5, 0, 'x']) {
        wire.send(request(cmd, [{ file_name: 'a', bytes }]) + askModels);
        const [first = '', second] = await wire.replies(2);
        assert.deepEqual([codesOf(first), second], [[cmd === 0x99 ? 3 : 1], models]);
      }
    }
  });
});

describe('an element that is no image', () => {
  const data = 'AAAA';
  const elements: readonly (readonly [what: string, element: unknown, bytes: number])[] = [
    ['a name with another ending', 'a.gif', 0],
    ['a number', 7, 0],
    ['null', null, 0],
    ['a list', ['normal-02.jpg'], 0],
    ['no label, with data', { data }, 0],
    ['no label, with bytes', { bytes: 4 }, 4],
    ['both data and bytes', { file_name: 'a', data, bytes: 4 }, 4],
    ['data null beside bytes', { file_name: 'a', data: null, bytes: 4 }, 4],
    ['neither data nor bytes', { file_name: 'a' }, 0],
    ['data that is no text', { file_name: 'a', data: 5 }, 0],
    ['an empty label, with data', { file_name: '', data }, 0],
    ['an empty label, with bytes', { file_name: '', bytes: 4 }, 4],
    ['a label of 256 characters', { file_name: 'x'.repeat(256), bytes: 4 }, 4],
    ['a label that is no text', { file_name: 5, bytes: 4 }, 4],
  ];
  for (const [what, element, bytes] of elements) {
    test(`refuses the request as a whole, and all attached bytes are skipped: ${what}`, async () => {
      wire.send(
        request(1, [
          { file_name: 'first', bytes: 3 },
          'normal-02.jpg',
          element,
          { file_name: 'last', bytes: 2 },
        ]),
      );
      wire.send('{'.repeat(3 + bytes + 2) + askModels);
      const [first = '', second] = await wire.replies(2);
      assert.match(
        first,
        /^\{"cmd": null.*"error_code": 1, "message": "classification: request_data must be 1 to 50 images/,
      );
      assert.equal(second, models);
    });
  }

  const envelopes: readonly (readonly [what: string, more: Readonly<Record<string, unknown>>])[] = [
    ['request_id', { request_id: 1.5 }],
    ['detail', { detail: 1 }],
  ];
  for (const [what, more] of envelopes) {
    test(`is skipped behind a request with a wrong ${what}, too`, async () => {
      wire.send(`${request(1, [{ file_name: 'a', bytes: 3 }], more)}{{{${askModels}`);
      const [first = '', second] = await wire.replies(2);
      assert.deepEqual([codesOf(first), second], [[1], models]);
    });
  }

  test('is one more than limits.max_batch, too', async () => {
    wire.send(request(1, Array(51).fill({ file_name: 'a', bytes: 1 })) + '{'.repeat(51) + askModels);
    const [first = '', second] = await wire.replies(2);
    assert.deepEqual([codesOf(first), second], [[1], models]);
  });

  test('has its bytes skipped where its label is in another character encoding', async () => {
    const text = '{"cmd": 1, "request_data": [{"file_name": "\xff", "bytes": 3}], "request_id": 7}{{{';
    wire.send(Buffer.concat([Buffer.from(text, 'latin1'), Buffer.from(askModels)]));
    const message = "the request is not valid in the server's character encoding";
    assert.deepEqual(await wire.replies(2), [refused(1, message, ', "request_id": 7'), models]);
  });

  test('closes the connection behind a request that is nested too deeply to be read', () =>
    Wire.use(server.port, async (own) => {
      const deep = `${'['.repeat(65)}${']'.repeat(65)}`;
      own.send(`{"cmd": 1, "request_data": [{"file_name": "a", "bytes": 3}, ${deep}]}{{{${askModels}`);
      await own.closed();
      assert.equal(own.received, `${refused(1, 'the request is nested too deeply')}\n`);
    }));
});
