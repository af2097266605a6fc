import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FrameReader, frameStart } from '#src/cluster/sharing/frame-reader.js';

const limits = { maxTextBytes: 1000, maxBytes: 1000 };

describe('frames between workers', () => {
  test('come out as they went in, wherever the stream is cut', () => {
    const frame = fc.record({ text: fc.string({ unit: 'binary', maxLength: 50 }), bytes: fc.uint8Array() });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 5 }), fc.array(fc.nat(60)), (frames, sizes) => {
        const stream = Buffer.concat(
          frames.flatMap(({ text, bytes }) => [frameStart(text, bytes.length), Buffer.from(bytes)]),
        );
        const read: { text: string; bytes: Uint8Array }[] = [];
        const reader = new FrameReader(limits, (text, bytes) => read.push({ text, bytes }));
        let at = 0;
        for (const size of sizes) reader.push(stream.subarray(at, (at += size)));
        reader.push(stream.subarray(at));
        assert.deepEqual(
          read.map(({ text, bytes }) => ({ text, bytes: [...bytes] })),
          frames.map(({ text, bytes }) => ({ text: Buffer.from(text).toString(), bytes: [...bytes] })),
        );
      }),
    );
  });

  test('that are longer than agreed are refused before memory is taken for them', () => {
    const reader = () => new FrameReader(limits, () => undefined);
    assert.throws(() => {
      reader().push(frameStart('', 1001));
    }, /a frame of 0 and 1001 bytes is too long/);
    assert.throws(() => {
      reader().push(frameStart('x'.repeat(1001), 0));
    }, RangeError);
  });

  test('have bytes of their own, which can be given away', () => {
    const read: Uint8Array[] = [];
    const reader = new FrameReader(limits, (_text, bytes) => read.push(bytes));
    reader.push(Buffer.concat([frameStart('', 2), Buffer.from('ab'), frameStart('', 2), Buffer.from('cd')]));
    assert.deepEqual(
      read.map((bytes) => bytes.buffer.byteLength),
      [2, 2],
    );
  });
});
