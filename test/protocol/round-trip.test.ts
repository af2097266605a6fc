// From a client's object to the request that a handler gets, by way of every form in which clients write JSON.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FrameDecoder } from '#src/protocol/frame-decoder.js';
import { parseRequest } from '#src/protocol/request.js';
import { textDecoder } from '#src/text-encoding.js';
import { cutAt } from './frames.js';

interface Style {
  readonly comma: string;
  readonly colon: string;
  readonly number: (value: number) => string;
  readonly string: (value: string) => string;
}

const plain: Style = { comma: ',', colon: ':', number: String, string: (text) => JSON.stringify(text) };
const python: Style = {
  comma: ', ',
  colon: ': ',
  number: String,
  string: (text) =>
    JSON.stringify(text).replace(
      /[^\x20-\x7e]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
};
const hexadecimal: Style = {
  ...python,
  number: (value) =>
    Number.isInteger(value) ? `${value < 0 ? '-' : ''}0x${Math.abs(value).toString(16)}` : String(value),
};

function write(value: fc.JsonValue, style: Style): string {
  if (typeof value === 'number') return style.number(value);
  if (typeof value === 'string') return style.string(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return `[${value.map((each) => write(each, style)).join(style.comma)}]`;
  const members = Object.entries(value).map(
    ([key, member]) =>
      style.string(key) + style.colon + (member === undefined ? 'null' : write(member, style)),
  );
  return `{${members.join(style.comma)}}`;
}

/** What a server makes of `stream`. */
function read(chunks: readonly Buffer[]) {
  const decoder = new FrameDecoder(1_000_000);
  const limits = { decode: textDecoder('utf-8'), maxImageBytes: 1_000, maxTokens: 1_000_000 };
  const requests = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let frame = decoder.next(); frame !== null; frame = decoder.next()) {
      assert.ok(frame.type === 'message');
      const parsed = parseRequest(frame, limits);
      assert.ok(parsed.ok, 'it is refused');
      requests.push(parsed.request);
    }
  }
  return requests;
}

describe('a request', () => {
  /** Texts that could be taken for something else, besides any others. */
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom('0x10', '"0x1"', ' 0x1', '\\', '\\"', '{', '}', '[0x1, 0x2]', '__proto__', 'naïve 🍐'),
  );
  const safeInteger = fc.maxSafeInteger();
  const { value } = fc.letrec<{ value: fc.JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5, depthSize: 'small' },
      fc.oneof(text, safeInteger, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean()),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 5 }),
      fc.dictionary(text, tie('value'), { maxKeys: 5 }),
    ),
  }));
  const request = fc.record(
    {
      cmd: safeInteger,
      request_data: fc.option(fc.array(value, { maxLength: 6 })),
      request_id: fc.oneof(safeInteger, text),
    },
    { requiredKeys: ['cmd', 'request_data'] },
  );

  for (const [form, style] of Object.entries({ plain, python, hexadecimal })) {
    test(`in the form "${form}" comes as it was meant, however it is cut`, () => {
      fc.assert(
        fc.property(
          fc.array(request, { minLength: 1, maxLength: 4 }),
          fc.array(fc.nat(), { maxLength: 8 }),
          (requests, places) => {
            const stream = Buffer.from(requests.map((each) => write(each, style)).join('\n'));
            const meant = requests.map(({ cmd, request_data, request_id }) => ({
              cmd,
              // A zero has no sign in JSON, and its objects have the usual prototype.
              args: asJson(request_data ?? []),
              requestId: request_id ?? null,
              detail: false,
            }));
            assert.deepEqual(read(cutAt(stream, places)), meant);
          },
        ),
      );
    });
  }
});

/** What `value` is to a reader of its JSON. */
function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
