// Where a request starts and ends, and what becomes of bytes that are none, over real sockets.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LocalServer } from '#src/cli/local-server.js';
import { askFolder, folder, item, refused, reply, request } from '../support/replies.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';

const maxMessageBytes = 2_000;
const models = reply(0x37, item('models', 2, 0));
const noStart = refused(1, 'a request must start with {');
const noJson = refused(1, 'the request is not valid JSON');
const tooLong = refused(1, `the request is longer than ${maxMessageBytes} bytes`);
const brokenOff = refused(1, 'the request ended before it was whole');

let server: LocalServer;
before(async () => {
  server = await startServer(
    null,
    ...['--cluster.workers', '1', '--limits.max_message_bytes', String(maxMessageBytes)],
  );
});
after(async () => {
  assert.equal(await server.stop(), 0);
});

/** What the server answers to `data` before it closes, one line each. */
async function answers(data: string | Uint8Array): Promise<string[]> {
  const received = await Wire.conversation(server.port, data);
  return received.split('\n').slice(0, -1);
}

/** A request of exactly so many bytes. */
const padded = (bytes: number) => {
  const bare = '{"cmd": 0x36, "request_data": null, "pad": ""}';
  return bare.replace('""', `"${'x'.repeat(bytes - bare.length)}"`);
};

describe('requests', () => {
  test('may come in any number of segments, and any number of them in one', () =>
    Wire.use(server.port, async (wire) => {
      for (const character of `${askFolder} {"cmd": 0x36, "request_data": null}`) wire.send(character);
      assert.deepEqual(await wire.replies(2), [folder, models]);
      wire.send(askFolder.repeat(100));
      assert.deepEqual(await wire.replies(100), Array(100).fill(folder));
    }));

  test('need nothing between them, and white space there is skipped', async () => {
    assert.deepEqual(await answers(askFolder + askFolder), [folder, folder]);
    assert.deepEqual(await answers(` \t\r\n${askFolder}\n\n \t\r\n${askFolder} \n`), [folder, folder]);
    assert.deepEqual(await answers(' \t\r\n'), []);
  });

  test('may hold braces and quotes in strings, and white space anywhere between tokens', async () => {
    const odd =
      '{\n\t"cmd"\r:\n50 , "request_data" : [\n] , "x": "}{\\"}\\\\", "y": {"}": [{}, "\\\\\\""]}\n}';
    assert.deepEqual(await answers(odd + askFolder), [folder, folder]);
  });
});

describe('bytes that cannot start a request', () => {
  for (const [what, garbage] of [
    ['a word', 'hello'],
    ['a word of many segments and lines', 'hello\nworld\r\n0x01, "a", 12 '],
    ['a closing brace', '}'],
    ['a closing bracket', ']'],
    ['a list', '[1, 2]'],
    ['a text', '"x"'],
    ['a number', '1'],
    ['a byte order mark', '\ufeff'],
    ['a NUL', '\0'],
    ['a form feed, which is no white space of JSON', '\f'],
  ] as const) {
    test(`are answered once, and the next request is read: ${what}`, async () => {
      assert.deepEqual(await answers(garbage + askFolder), [noStart, folder]);
      assert.deepEqual(await answers(askFolder + garbage), [folder, noStart]);
      await Wire.use(server.port, async (wire) => {
        for (const character of garbage) wire.send(character);
        assert.deepEqual([await wire.ask(askFolder), await wire.reply()], [noStart, folder]);
      });
    });
  }

  test('are answered again after a request in between', async () => {
    assert.deepEqual(await answers(`x${askFolder}y${askFolder}`), [noStart, folder, noStart, folder]);
  });
});

describe('an object that is no JSON', () => {
  for (const text of [
    '{x}',
    "{'cmd': 50}",
    '{"cmd": 50,}',
    '{"cmd": 050, "request_data": null}',
    '{"cmd": 0X32, "request_data": null}',
    '{"cmd": +50, "request_data": null}',
    '{"cmd": NaN, "request_data": null}',
    '{"cmd": 50, "request_data": [}',
    '{"cmd": 50, "request_data": "a\nb"}',
  ]) {
    test(`is answered, and the connection lives on: ${JSON.stringify(text)}`, async () => {
      assert.deepEqual(await answers(text + askFolder), [noJson, folder]);
    });
  }
});

describe('a request over the limit of bytes', () => {
  test('is one byte longer than the longest that is served', async () => {
    assert.deepEqual(await answers(` ${padded(maxMessageBytes)} ${askFolder}`), [models, folder]);
    assert.deepEqual(await answers(padded(maxMessageBytes + 1) + askFolder), [tooLong]);
  });

  test('is answered after what came before it, and the server closes by itself', () =>
    Wire.use(server.port, async (wire) => {
      wire.send(request(1, ['normal-01.jpg']) + padded(100 * maxMessageBytes) + askFolder);
      await wire.closed();
      assert.equal(wire.received, `${reply(2, item('normal-01.jpg', 1, 0))}\n${tooLong}\n`);
    }));

  test('is noticed before it ends', () =>
    Wire.use(server.port, async (wire) => {
      wire.send(padded(maxMessageBytes + 3).slice(0, -2));
      await wire.closed();
      assert.equal(wire.received, `${tooLong}\n`);
    }));

  test('is logged, with whose it was', async () => {
    const line = await server.line(({ msg }) => msg === 'request too long; closing');
    assert.equal(line['maxMessageBytes'], maxMessageBytes);
    assert.equal(typeof line['peer'], 'string');
  });
});

describe('a peer that closes its sending side', () => {
  const attached = (bytes: number, id: string) =>
    request(1, ['normal-01.jpg', { file_name: 'a', bytes }], { request_id: id });
  const judged = reply(2, item('normal-01.jpg', 1, 0));
  const cases: readonly (readonly [when: string, data: string, expected: readonly string[]])[] = [
    ['before anything', '', []],
    ['between requests', `${askFolder}\n`, [folder]],
    ['while images are judged', request(1, ['normal-01.jpg']) + askFolder, [judged, folder]],
    [
      'with requests that wait for a barrier',
      request(1, ['normal-01.jpg']) + request(0x30, ['models/samples']) + askFolder,
      [judged, reply(0x31, item('models/samples', 2, 0)), folder],
    ],
    ['inside a request', `${askFolder}{"cmd": 0x3`, [folder, brokenOff]],
    ['inside a string of a request', `${askFolder}{"cmd": "}`, [folder, brokenOff]],
    ['before the first attached byte', attached(5, 'r'), [brokenOff.replace(/\}$/, ', "request_id": "r"}')]],
    [
      'inside an attached image',
      `${attached(5, 'r')}abc`,
      [brokenOff.replace(/\}$/, ', "request_id": "r"}')],
    ],
    ['after garbage', 'hello', [noStart]],
  ];
  for (const [when, data, expected] of cases) {
    test(`${when} gets every reply that it is owed, then the server closes`, async () => {
      assert.deepEqual(await answers(data), expected);
    });
  }

  test('inside the bytes of a refused image has one answer, not two', async () => {
    const [first = '', ...others] = await answers(`${request(1, [{ bytes: 5 }])}xx`);
    assert.match(first, /"error_code": 1, "message": "classification: request_data must be/);
    assert.deepEqual(others, []);
  });
});
