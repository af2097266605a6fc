import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { encodeJson } from '#src/protocol/json.js';
import { encodeReply, refusal } from '#src/protocol/reply.js';

describe('a reply', () => {
  test("has the Python server's keys, order and separators", () => {
    const items = [{ file_name: 'pear-1.jpg', result: 1, error_code: 0 }];
    assert.equal(
      encodeReply({ cmd: 2, items, requestId: null }, '\n').toString(),
      '{"cmd": 2, "response_data": [{"file_name": "pear-1.jpg", "result": 1, "error_code": 0}], "request_data": null}\n',
    );
  });

  test('ends with the request_id where there is one, and with the configured terminator', () => {
    assert.equal(
      encodeReply({ cmd: 4, items: [], requestId: 'x' }, '').toString(),
      '{"cmd": 4, "response_data": [], "request_data": null, "request_id": "x"}',
    );
  });

  test('to a request that is refused as a whole names the code and the reason', () => {
    assert.equal(
      encodeReply(refusal(1, 'cmd must be an integer', 7), '\n').toString(),
      '{"cmd": null, "response_data": [{"file_name": null, "result": null, "error_code": 1, "message": "cmd must be an integer"}], "request_data": null, "request_id": 7}\n',
    );
  });

  test('escapes everything outside printable ASCII as Python does', () => {
    assert.equal(
      encodeJson('\ubc30 \u007f\u00e9\u{1f350}\n\t"\\/\u0001'),
      '"\\ubc30 \\u007f\\u00e9\\ud83c\\udf50\\n\\t\\"\\\\/\\u0001"',
    );
  });

  test('is ASCII for any value, and reads back as the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = encodeJson(value);
        assert.match(text, /^[\x20-\x7e]*$/);
        assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
