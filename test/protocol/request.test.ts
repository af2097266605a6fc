import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { decimalIntegers } from '#src/protocol/hex-integers.js';
import { parseRequest, type ParsedRequest } from '#src/protocol/request.js';
import { textDecoder, type Encoding } from '#src/text-encoding.js';

const maxImageBytes = 1_000;
const parse = (text: string | Buffer, encoding: Encoding = 'utf-8') =>
  parseRequest(
    { bytes: Buffer.from(text), depth: 2, tokens: 1, hasHexIntegers: true },
    { decode: textDecoder(encoding), maxImageBytes, maxTokens: 1_000 },
  );

function requestOf(parsed: ParsedRequest) {
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.error.message);
  return parsed.request;
}

function errorOf(parsed: ParsedRequest) {
  assert.ok(!parsed.ok);
  return parsed.error;
}

describe('hexadecimal integers', () => {
  const table: readonly (readonly [from: string, to: string])[] = [
    ['{"cmd": 0x01}', '{"cmd": 1}'],
    ['{"cmd": -0x1}', '{"cmd": -1}'],
    ['[0xff,0xFF,0x0]', '[255,255,0]'],
    ['{"a": "0x12.jpg"}', '{"a": "0x12.jpg"}'],
    ['{"0x12": 0x12}', '{"0x12": 18}'],
    ['{"a\\"0x1": 0x1}', '{"a\\"0x1": 1}'],
    ['{"a\\\\": 0x1}', '{"a\\\\": 1}'],
    ['{"cmd": 0X01}', '{"cmd": 0X01}'],
    ['[0x1, 0X2]', '[1, 0X2]'],
    ['{"cmd": 10x5}', '{"cmd": 10x5}'],
    ['{"cmd": 0x1g}', '{"cmd": 0x1g}'],
    ['{"cmd": 0x1.5}', '{"cmd": 0x1.5}'],
    ['{"cmd": 1e-0x5}', '{"cmd": 1e-0x5}'],
    ['{"cmd": 1E-0x5}', '{"cmd": 1E-0x5}'],
    ['{"cmd": 0x}', '{"cmd": 0x}'],
    ['{"a": "0x1', '{"a": "0x1'],
  ];
  for (const [from, to] of table) {
    test(`${from} reads as ${to}`, () => {
      assert.equal(decimalIntegers(from), to);
    });
  }

  test('any safe integer survives the way through hexadecimal', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const hex = `${value < 0 ? '-' : ''}0x${Math.abs(value).toString(16)}`;
        assert.equal(Number(decimalIntegers(hex)), value);
      }),
    );
  });

  test('text inside strings is never touched', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.constantFrom('0x1', '"0x2"', '\\0x3'))), (texts) => {
        assert.deepEqual(JSON.parse(decimalIntegers(JSON.stringify(texts))), texts);
      }),
    );
  });

  test('a million digits take no longer than reading them', () => {
    assert.equal(
      errorOf(parse(`{"cmd": 0x${'f'.repeat(1_000_000)}, "request_data": null}`)).message,
      'cmd must be an integer',
    );
  });
});

describe('a request', () => {
  test('has a command, arguments, and what it does not say is empty', () => {
    assert.deepEqual(requestOf(parse('{"cmd": 0x22, "request_data": null}')), {
      cmd: 0x22,
      args: [],
      requestId: null,
      detail: false,
    });
  });

  test('counts 1.0 as an integer, ignores unknown fields, and takes the last of a key that stands twice', () => {
    const request = requestOf(
      parse('{"cmd": 7, "cmd": 1.0, "request_data": ["a"], "extra": {}, "__proto__": 1}'),
    );
    assert.equal(request.cmd, 1);
    assert.deepEqual(request.args, ['a']);
  });

  const wrong: readonly (readonly [what: string, text: string, message: RegExp])[] = [
    ['without cmd', '{"request_data": null}', /^cmd must be an integer$/],
    ['with a text as cmd', '{"cmd": "1", "request_data": null}', /^cmd must be an integer$/],
    ['with a fraction as cmd', '{"cmd": 1.5, "request_data": null}', /^cmd must be an integer$/],
    ['without request_data', '{"cmd": 1}', /^request_data must be an array or null$/],
    [
      'with an object as request_data',
      '{"cmd": 1, "request_data": {}}',
      /^request_data must be an array or null$/,
    ],
    [
      'with a fraction as request_id',
      '{"cmd": 1, "request_data": [], "request_id": 1.5}',
      /^request_id must be/,
    ],
    ['with null as request_id', '{"cmd": 1, "request_data": [], "request_id": null}', /^request_id must be/],
    [
      'with an unsafe request_id',
      '{"cmd": 1, "request_data": [], "request_id": 9007199254740993}',
      /^request_id must be/,
    ],
    [
      'with a long request_id',
      `{"cmd": 1, "request_data": [], "request_id": "${'x'.repeat(129)}"}`,
      /^request_id must be/,
    ],
    [
      'with a number as detail',
      '{"cmd": 1, "request_data": [], "detail": 1}',
      /^detail must be true or false$/,
    ],
    ['that is no JSON', '{cmd: 1}', /not valid JSON$/],
    ['with NaN', '{"cmd": NaN, "request_data": null}', /not valid JSON$/],
  ];
  for (const [what, text, message] of wrong) {
    test(`${what} is refused with a message that says what was expected`, () => {
      const error = errorOf(parse(text));
      assert.equal(error.code, 1);
      assert.match(error.message, message);
    });
  }

  test('lengths of a request_id count code points', () => {
    const id = '\u{1f350}'.repeat(128);
    assert.equal(
      requestOf(parse(JSON.stringify({ cmd: 1, request_data: [], request_id: id }))).requestId,
      id,
    );
  });

  test('that is refused still gives its request_id back', () => {
    const parsed = parse('{"cmd": "x", "request_data": null, "request_id": "id-7"}');
    assert.equal(!parsed.ok && parsed.requestId, 'id-7');
  });

  test('in bytes that are not valid in the encoding is refused', () => {
    const parsed = parse(
      Buffer.concat([Buffer.from('{"cmd": 1, "request_data": ["'), Buffer.from([0xff]), Buffer.from('"]}')]),
    );
    assert.match(errorOf(parsed).message, /not valid in the server's character encoding/);
  });

  test('is read in the encoding of the server', () => {
    const korean = Buffer.from([0xb9, 0xe8]); // 배, the pear, in EUC-KR
    const message = Buffer.concat([
      Buffer.from('{"cmd": 1, "request_data": ["'),
      korean,
      Buffer.from('.jpg"]}'),
    ]);
    const parsed = parse(message, 'euc-kr');
    assert.deepEqual(requestOf(parsed).args, ['\ubc30.jpg']);
  });
});

describe('attached images', () => {
  const attachments = (text: string) => parse(text).attachments;

  test('are announced by the classification command only', () => {
    assert.deepEqual(
      attachments('{"cmd": 1, "request_data": ["a.jpg", {"bytes": 5}, {"bytes": 0x10}]}'),
      [5, 16],
    );
    assert.deepEqual(attachments('{"cmd": 2, "request_data": [{"bytes": 5}]}'), []);
  });

  test('are counted even where the request is refused, so that they can be skipped', () => {
    const parsed = parse('{"cmd": 1, "request_data": [{"bytes": 5, "data": ""}], "request_id": 1.5}');
    assert.equal(parsed.ok, false);
    assert.deepEqual(parsed.attachments, [5]);
  });

  test('are counted in a message that is not valid in the encoding, and its request_id comes back where it is ASCII', () => {
    const text = (id: string) =>
      `{"cmd": 1, "request_data": [{"file_name": "\xff", "bytes": 5}], "request_id": ${id}}`;
    for (const [id, expected] of [
      ['"a"', 'a'],
      ['7', 7],
      ['"\xe9"', null],
    ] as const) {
      const parsed = parse(Buffer.from(text(id), 'latin1'));
      assert.deepEqual([parsed.ok, parsed.attachments], [false, [5]]);
      assert.equal(!parsed.ok && parsed.requestId, expected);
    }
  });

  test('are not known where the message is too deep or too large to be read', () => {
    const limits = { decode: textDecoder('utf-8'), maxImageBytes, maxTokens: 10 };
    const of = (depth: number, tokens: number, key: string) => {
      const bytes = Buffer.from(`{"cmd": 1, "request_data": null, "${key}": 3}`);
      return parseRequest({ bytes, depth, tokens, hasHexIntegers: false }, limits).attachments;
    };
    for (const key of ['bytes', String.raw`byte\u0073`]) {
      assert.deepEqual([of(64, 10, key), of(65, 10, key), of(64, 11, key)], [[], 'unknown', 'unknown']);
    }
    assert.deepEqual([of(65, 10, 'x'), of(64, 11, 'x')], [[], []], 'without such a key there are none');
  });

  for (const size of ['0', '-1', '1.5', '"5"', 'null', '1001', '1e99']) {
    test(`of ${size} bytes leave no way to find the next request`, () => {
      assert.equal(attachments(`{"cmd": 1, "request_data": [{"bytes": 3}, {"bytes": ${size}}]}`), 'unknown');
    });
  }
});
