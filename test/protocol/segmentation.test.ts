// Segments mean nothing: whatever is sent, however it is cut, the frames are the same.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { bytes, cutAt, frames, maxMessageBytes } from './frames.js';

describe('framing, whatever the segmentation', () => {
  const request = fc.record({ cmd: fc.nat(), request_data: fc.array(fc.string({ unit: 'binary' })) });
  const text = request
    .map((value) => JSON.stringify(value))
    .filter((json) => bytes(json).length <= maxMessageBytes);
  const places = fc.array(fc.nat(), { maxLength: 12 });

  test('every split gives the same messages, and each is whole', () => {
    fc.assert(
      fc.property(fc.array(text, { maxLength: 8 }), places, (texts, at) => {
        assert.deepEqual(
          frames(cutAt(bytes(texts.join(' ')), at)),
          texts.map((each) => `message ${each}`),
        );
      }),
    );
  });

  test('every split of any bytes gives the same frames', () => {
    const pieces = fc.array(fc.constantFrom('{', '}', '"', '\\', ' ', 'x', '{"a":1}', '{"b":"}"}'), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(pieces, places, (parts, at) => {
        const stream = bytes(parts.join(''));
        assert.deepEqual(frames(cutAt(stream, at)), frames([stream]));
      }),
    );
  });

  // Any byte may stand in an image; those that framing looks for are the ones to mind.
  const imageByte = fc.oneof(fc.nat(255), fc.constantFrom(...bytes('{}"\\ ')));
  const image = fc.array(imageByte, { minLength: 1, maxLength: 40 }).map((numbers) => Buffer.from(numbers));

  test('images behind requests, taken or skipped, hide no request and are none', () => {
    const withImages = fc.record({ text, images: fc.array(image, { maxLength: 4 }), wanted: fc.nat(4) });
    fc.assert(
      fc.property(fc.array(withImages, { maxLength: 6 }), places, (requests, at) => {
        const stream = Buffer.concat(requests.flatMap((each) => [bytes(each.text), ...each.images]));
        const attached = requests.map(({ images, wanted }) => ({ sizes: images.map(sizeOf), wanted }));
        const expected = requests.flatMap(({ text: message, images, wanted }) => [
          `message ${message}`,
          ...images.slice(0, wanted).map((bytesOfIt) => `attachment ${bytesOfIt.toString('latin1')}`),
          ...(wanted < images.length ? ['skipped'] : []),
        ]);
        assert.deepEqual(frames([stream], attached), expected);
        assert.deepEqual(frames(cutAt(stream, at), attached), expected);
      }),
    );
  });

  test('garbage between requests is told once a run, and hides no request', () => {
    const run = fc
      .array(fc.oneof(imageByte, fc.nat(255)), { minLength: 1, maxLength: 20 })
      .map((numbers) => Buffer.from(numbers.map((byte) => (byte === openByte ? byte + 1 : byte))))
      .filter((noise) => !/^[ \t\r\n]*$/.test(noise.toString('latin1')));
    const part = fc.record({ noise: fc.option(run), text });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), fc.option(run), places, (parts, last, at) => {
        const stream = Buffer.concat([
          ...parts.flatMap((each) => [each.noise ?? bytes(''), bytes(each.text)]),
          last ?? bytes(''),
        ]);
        const expected = parts.flatMap((each) => [
          ...(each.noise === null ? [] : ['garbage']),
          `message ${each.text}`,
        ]);
        if (last !== null) expected.push('garbage');
        assert.deepEqual(frames(cutAt(stream, at)), expected);
      }),
    );
  });
});

const openByte = 0x7b;
const sizeOf = (image: Buffer) => image.length;
