import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { giveMemoryBack, takeMemory } from '#src/image-memory.js';
import { FrameDecoder } from '#src/protocol/frame-decoder.js';
import { bytes, frames, maxMessageBytes } from './frames.js';

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
        frames([stream.subarray(0, cut), stream.subarray(cut)], [{ sizes: [2, 3], wanted: 2 }]),
        expected,
        `cut at ${cut}`,
      );
    }
  });

  test('what was not looked at yet outlives the memory that it came in', () => {
    const decoder = new FrameDecoder(maxMessageBytes);
    for (const text of ['{"a":1}{"b":2}{"c', '":3}{"d":4}']) {
      const memory = bytes(text);
      decoder.push(memory);
      if (text.startsWith('{"a')) assert.equal(decoder.next()?.type, 'message');
      decoder.keep();
      memory.fill('x');
    }
    assert.equal(decoder.waitingBytes, '{"b":2}{"c":3}{"d":4}'.length);
    const left: string[] = [];
    for (let frame = decoder.next(); frame !== null; frame = decoder.next()) {
      assert.ok(frame.type === 'message');
      left.push(frame.bytes.toString());
    }
    assert.deepEqual(left, ['{"b":2}', '{"c":3}', '{"d":4}']);
  });

  for (const [what, drop] of [
    [
      'is skipped',
      (decoder: FrameDecoder) => {
        decoder.skipAttachments();
      },
    ],
    [
      'never comes whole',
      (decoder: FrameDecoder) => {
        decoder.end();
      },
    ],
  ] as const) {
    test(`an attachment that ${what} leaves its memory to others at once`, () => {
      const start = 64 * 1024;
      const memory = takeMemory(start);
      giveMemoryBack(memory);
      const decoder = new FrameDecoder(maxMessageBytes);
      decoder.push(bytes('{"n":1}'));
      assert.equal(decoder.next()?.type, 'message');
      decoder.expectAttachments([10 * start]);
      decoder.push(bytes('the first bytes'));
      assert.equal(decoder.next(), null);
      const other = takeMemory(start);
      assert.notEqual(other.buffer, memory.buffer, 'it is in use');
      drop(decoder);
      assert.equal(takeMemory(start).buffer, memory.buffer);
    });
  }

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

// A decoder that copied what it holds with each segment would move terabytes here, and not end within the time of the
// runner.
describe('in segments of one byte', () => {
  const mib = 1024 * 1024;

  /** The one frame behind what `decoder` has taken already, asked for after each byte; it must end with the last one. */
  function taken(decoder: FrameDecoder, stream: Buffer): Buffer {
    for (let at = 0; at < stream.length - 1; at++) {
      decoder.push(stream.subarray(at, at + 1));
      if (decoder.next() !== null) assert.fail(`a frame after ${at + 1} of ${stream.length} bytes`);
    }
    decoder.push(stream.subarray(-1));
    const frame = decoder.next();
    assert.ok(frame?.type === 'message' || frame?.type === 'attachment');
    return Buffer.from(frame.bytes);
  }

  test('a request of 8 MiB is taken whole', () => {
    const start = '{"cmd": 1, "request_data": ["';
    const end = '"]}';
    const name = '}\\"{", "';
    const names = name.repeat((8 * mib) / name.length).slice(start.length + end.length);
    const message = bytes(start + names + end);
    assert.equal(message.length, 8 * mib);
    assert.ok(taken(new FrameDecoder(8 * mib), message).equals(message));
  });

  test('an attached image of 8 MiB is taken whole', () => {
    const decoder = new FrameDecoder(maxMessageBytes);
    decoder.push(bytes('{}'));
    assert.equal(decoder.next()?.type, 'message');
    const image = Buffer.alloc(8 * mib, '{"}\\\0');
    decoder.expectAttachments([image.length]);
    assert.ok(taken(decoder, image).equals(image));
    assert.equal(decoder.unfinished, false);
  });
});

test('after a request that is too long nothing waits to be looked at', () => {
  const decoder = new FrameDecoder(maxMessageBytes);
  decoder.push(bytes(`{}{"a":"${'x'.repeat(maxMessageBytes)}"}`));
  while (decoder.next() !== null);
  assert.deepEqual([decoder.waitingBytes, decoder.heldBytes], [0, 0]);
});
