// The character encoding of requests, over real sockets. Replies are ASCII whatever it is.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { refused } from '../support/replies.js';
import { runServer, startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';

const invalid = refused(
  1,
  "the request is not valid in the server's character encoding",
  ', "request_id": 1',
);

/** A request for an image of this name, written in any encoding. */
const named = (name: readonly number[]) =>
  Buffer.concat([
    Buffer.from('{"cmd": 1, "request_data": ["'),
    Buffer.from(name),
    Buffer.from('.jpg"], "request_id": 1}'),
  ]);
/** Its reply, with the name as JSON escapes. */
const missing = (name: string) =>
  `{"cmd": 2, "response_data": [{"file_name": "${name}.jpg", "result": null, "error_code": 2}], "request_data": null, "request_id": 1}`;

const servers: readonly {
  readonly encoding: string;
  readonly valid: readonly (readonly [bytes: readonly number[], name: string])[];
  readonly invalid: readonly (readonly number[])[];
}[] = [
  {
    encoding: 'utf-8',
    valid: [
      [[0xeb, 0xb0, 0xb0], '\\ubc30'],
      [[0xf0, 0x9f, 0x8d, 0x90, 0x7f], '\\ud83c\\udf50\\u007f'],
    ],
    invalid: [[0xff], [0xb9, 0xe8], [0xeb, 0xb0]],
  },
  {
    encoding: 'EUC_KR',
    valid: [
      [[0xb9, 0xe8], '\\ubc30'],
      [[0x61, 0xb9, 0xe8, 0x62], 'a\\ubc30b'],
    ],
    invalid: [[0xb0, 0x41], [0x81, 0x41], [0xb9], [0xc9]],
  },
  {
    encoding: 'latin1',
    valid: [
      [[0xe9, 0x80], '\\u00e9\\u0080'],
      [[0xff], '\\u00ff'],
    ],
    invalid: [],
  },
  { encoding: 'ascii', valid: [[[0x70], 'p']], invalid: [[0x80], [0xe9]] },
];

for (const { encoding, valid, invalid: bad } of servers) {
  test(`${encoding}: names are read in it, replies are ASCII, other bytes have error 1 and the connection lives`, async (t) => {
    const server = await startServer(t, '--cluster.workers', '1', '--server.encoding', encoding);
    await Wire.use(server.port, async (wire) => {
      for (const [bytes, name] of valid) {
        wire.send(named(bytes));
        assert.equal(await wire.reply(), missing(name));
      }
      for (const bytes of bad) {
        wire.send(named(bytes));
        assert.equal(await wire.reply(), invalid, Buffer.from(bytes).toString('hex'));
      }
      wire.send(named([0x61]));
      assert.equal(await wire.reply(), missing('a'));
    });
    assert.equal(await server.stop(), 0);
  });
}

describe('an encoding in which a byte below 0x80 is no ASCII character', () => {
  for (const encoding of ['shift_jis', 'gbk', 'big5', 'utf-16', 'iso-2022-kr']) {
    test(`is refused at the start: ${encoding}`, async () => {
      const { exitCode, errors } = await runServer('--server.encoding', encoding);
      assert.equal(exitCode, 78);
      assert.match(errors, /server\.encoding.*a byte below 0x80 may be part of another character/s);
    });
  }
});
