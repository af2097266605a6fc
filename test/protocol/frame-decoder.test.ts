import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FrameDecoder, type Frame } from '#src/protocol/frame-decoder.js';

const maxMessageBytes = 1_000;

/** What a decoder makes of `chunks`, in a form that is easy to compare. `sizes`: attachments behind each message. */
function frames(chunks: readonly Buffer[], sizes: readonly (readonly number[])[] = []): string[] {
  const decoder = new FrameDecoder(maxMessageBytes);
  const seen: string[] = [];
  let messages = 0;
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let frame = decoder.next(); frame !== null; frame = decoder.next()) {
      seen.push(describeFrame(frame));
      if (frame.type === 'message') decoder.expectAttachments(sizes[messages++] ?? []);
    }
  }
  return seen;
}

function describeFrame(frame: Frame): string {
  switch (frame.type) {
    case 'message':
      return `message ${frame.bytes.toString()}`;
    case 'attachment':
      return `attachment ${Buffer.from(frame.bytes).toString('latin1')}`;
    case 'garbage':
    case 'too long':
    case 'skipped':
      return frame.type;
    default:
      return frame satisfies never;
  }
}

const bytes = (text: string) => Buffer.from(text);

describe('framing', () => {
  const table: readonly (readonly [what: string, stream: string, expected: readonly string[]])[] = [
    ['one request', '{"cmd": 1}', ['message {"cmd": 1}']],
    [
      'several requests in one segment',
      '{"a":1}{"b":2} \r\n\t{"c":3}\n',
      ['message {"a":1}', 'message {"b":2}', 'message {"c":3}'],
    ],
    ['nested objects', '{"a":{"b":{}}}{}', ['message {"a":{"b":{}}}', 'message {}']],
    ['braces inside strings do not count', '{"a":"}{"}{}', ['message {"a":"}{"}', 'message {}']],
    ['escaped quotes do not end a string', '{"a":"\\"}"}{}', ['message {"a":"\\"}"}', 'message {}']],
    [
      'an escaped backslash before a quote does not escape it',
      '{"a":"\\\\"}{}',
      ['message {"a":"\\\\"}', 'message {}'],
    ],
    ['an object that is no JSON is still a frame', '{nonsense}{}', ['message {nonsense}', 'message {}']],
    [
      'bytes that cannot start a request are told once',
      'hello world {"a":1}',
      ['garbage', 'message {"a":1}'],
    ],
    [
      'garbage between requests',
      '{}x{}y{}',
      ['message {}', 'garbage', 'message {}', 'garbage', 'message {}'],
    ],
    ['a closing brace alone is garbage', '}{}', ['garbage', 'message {}']],
    ['an unfinished request gives nothing', '{"a":', []],
  ];
  for (const [what, stream, expected] of table) {
    test(`${what}, cut at any byte`, () => {
      assert.deepEqual(frames([bytes(stream)]), expected);
      for (let cut = 0; cut <= stream.length; cut++) {
        assert.deepEqual(
          frames([bytes(stream.slice(0, cut)), bytes(stream.slice(cut))]),
          expected,
          `cut at ${cut}`,
        );
      }
      assert.deepEqual(frames(stream.split(/(?:)/u).map(bytes)), expected, 'byte by byte');
    });
  }

  test('a request of exactly the longest size is taken, one byte more is too long and ends the stream', () => {
    const longest = `{"a":"${'x'.repeat(maxMessageBytes - 8)}"}`;
    assert.equal(longest.length, maxMessageBytes);
    assert.deepEqual(frames([bytes(longest), bytes('{}')]), [`message ${longest}`, 'message {}']);
    const longer = longest.replace('x', 'xx');
    assert.deepEqual(frames([bytes(longer), bytes('{}')]), ['too long']);
    assert.deepEqual(frames(longer.split(/(?:)/u).map(bytes)), ['too long']);
  });

  test('an over-long request is noticed before it ends', () => {
    assert.deepEqual(frames([bytes(`{"a":"${'x'.repeat(2 * maxMessageBytes)}`)]), ['too long']);
  });

  test('attached images follow the brace at once and may hold any byte', () => {
    const stream = Buffer.concat([
      bytes('{"n":1}'),
      Buffer.from([0x7b, 0x7d, 0x22, 0x00, 0xff]),
      bytes('{}'),
    ]);
    const expected = ['message {"n":1}', 'attachment {}', 'attachment "\0\xff', 'message {}'];
    for (let cut = 0; cut <= stream.length; cut++) {
      assert.deepEqual(
        frames([stream.subarray(0, cut), stream.subarray(cut)], [[2, 3]]),
        expected,
        `cut at ${cut}`,
      );
    }
  });

  test('attachments that nobody wants are skipped, also in the middle of one', () => {
    for (let before = 0; before <= 5; before++) {
      const decoder = new FrameDecoder(maxMessageBytes);
      decoder.push(bytes('{"n":1}'));
      assert.equal(decoder.next()?.type, 'message');
      decoder.expectAttachments([3, 3]);
      decoder.push(bytes('abcdef'.slice(0, before)));
      while (decoder.next() !== null);
      decoder.skipAttachments();
      assert.equal(decoder.skipping, true);
      decoder.push(bytes(`${'abcdef'.slice(before)}{}`));
      assert.equal(decoder.next()?.type, 'skipped');
      assert.equal(decoder.skipping, false);
      assert.equal(decoder.next()?.type, 'message');
    }
  });

  test('a message tells how deep it is nested, brackets in strings not counted', () => {
    const decoder = new FrameDecoder(maxMessageBytes);
    decoder.push(bytes('{}{"a":[[1],{"b":"[[[["}]}{"a":[]}'));
    const depths: (number | null)[] = [];
    for (let frame = decoder.next(); frame !== null; frame = decoder.next()) {
      depths.push(frame.type === 'message' ? frame.depth : null);
    }
    assert.deepEqual(depths, [1, 3, 2]);
  });

  test('the decoder says whether it is inside a request', () => {
    const decoder = new FrameDecoder(maxMessageBytes);
    const after = (text: string) => {
      decoder.push(bytes(text));
      while (decoder.next() !== null);
      return decoder.unfinished;
    };
    assert.equal(after('  '), false);
    assert.equal(after('{"a"'), true);
    assert.equal(after(':1}'), false);
    assert.equal(after('garbage'), false);
  });
});

describe('framing, whatever the segmentation', () => {
  const request = fc.record({ cmd: fc.nat(), request_data: fc.array(fc.string({ unit: 'binary' })) });

  /** `stream` cut at the given places. */
  function cutAt(stream: Buffer, places: readonly number[]): Buffer[] {
    const cuts = [
      0,
      ...places.map((place) => place % (stream.length + 1)).sort((a, b) => a - b),
      stream.length,
    ];
    return cuts.slice(1).map((end, index) => stream.subarray(cuts[index], end));
  }

  test('every split gives the same messages, and each is whole', () => {
    fc.assert(
      fc.property(
        fc.array(request, { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (requests, places) => {
          const texts = requests
            .map((value) => JSON.stringify(value))
            .filter((text) => bytes(text).length <= maxMessageBytes);
          const stream = bytes(texts.join(' '));
          assert.deepEqual(
            frames(cutAt(stream, places)),
            texts.map((text) => `message ${text}`),
          );
        },
      ),
    );
  });

  test('every split of any bytes gives the same frames', () => {
    const pieces = fc.array(fc.constantFrom('{', '}', '"', '\\', ' ', 'x', '{"a":1}', '{"b":"}"}'), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(pieces, fc.array(fc.nat(), { maxLength: 12 }), (parts, places) => {
        const stream = bytes(parts.join(''));
        assert.deepEqual(frames(cutAt(stream, places)), frames([stream]));
      }),
    );
  });

  test('garbage never hides a later request', () => {
    const garbage = fc.string().map((text) => text.replaceAll('{', '('));
    fc.assert(
      fc.property(garbage, fc.array(fc.nat(), { maxLength: 6 }), (noise, places) => {
        const seen = frames(cutAt(bytes(`${noise}{"a":1}`), places));
        assert.equal(seen.at(-1), 'message {"a":1}');
        assert.ok(seen.length <= 2);
      }),
    );
  });
});
