import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import sharp from 'sharp';
import { decodeFramed } from '#src/detector/images/image-decoder.js';
import type { Framing } from '#src/detector/images/frame.js';
import { InvalidImageError } from '#src/errors.js';
import { plainPicture, sample, variants } from '../../support/pictures.js';

const limits = { maxPixels: 5_000_000, timeoutMs: 10_000 };
const framing: Framing = {
  width: 320,
  height: 320,
  resize: 'letterbox',
  cropFraction: 1,
  interpolation: 'linear',
  fill: 114,
};
const decode = (encoded: Uint8Array) => decodeFramed(encoded, framing, limits);
const picture = await sample('defective-01.jpg');
const forms = await variants(picture);
const tiff = await sharp(picture).tiff().toBuffer();
const avif = await sharp(picture).resize(64).avif({ effort: 0 }).toBuffer();
const gif = await sharp(picture).gif().toBuffer();

/** Mean absolute difference of two uint8 images. */
function difference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, index) => sum + Math.abs(value - (b[index] ?? 0)), 0) / a.length;
}

describe('decoding', () => {
  test('gives the letterboxed pixels of the upright picture, RGB', async () => {
    const { pixels, frame } = await decode(picture);
    assert.equal(pixels.length, 320 * 320 * 3);
    assert.deepEqual([frame.width, frame.height, frame.top, frame.scaledHeight], [1024, 768, 40, 240]);
    assert.deepEqual([...pixels.subarray(0, 3)], [114, 114, 114], 'the padding above');
    assert.deepEqual([...pixels.subarray(-3)], [114, 114, 114], 'the padding below');
    const middle = (160 * 320 + 160) * 3;
    const [red = 0, , blue = 0] = pixels.subarray(middle, middle + 3);
    assert.ok(red > blue, 'a pear has more red than blue');
  });

  for (const [name, encoded] of forms) {
    test(`gives the same pixels for ${name}`, async () => {
      const expected = await decode(picture);
      const { pixels, frame } = await decode(encoded);
      assert.ok(frame.width > frame.height, 'upright');
      // Inks have another gamut; the others differ by compression and scaling only.
      const tolerance = name === 'cmyk.jpg' ? 20 : 4;
      assert.ok(
        difference(pixels, expected.pixels) < tolerance,
        `differs by ${difference(pixels, expected.pixels)}`,
      );
    });
  }

  test('gives a picture of one channel three equal ones', async () => {
    const { pixels } = await decode(await sharp(picture).grayscale().jpeg().toBuffer());
    const middle = (160 * 320 + 160) * 3;
    assert.equal(new Set(pixels.subarray(middle, middle + 3)).size, 1);
  });

  for (const interpolation of ['linear', 'cubic', 'opencv-linear'] as const) {
    test(`drops transparency and keeps the colours below it, scaled by ${interpolation}`, async () => {
      const look = (encoded: Uint8Array) => decodeFramed(encoded, { ...framing, interpolation }, limits);
      const opaque = await sharp(picture).resize(600, 450).png().toBuffer();
      const { pixels: expected } = await look(opaque);
      // Every other pixel is seen through, half of them wholly.
      const alpha = Uint8Array.from(
        { length: 600 * 450 },
        (_, at) => (at % 2) * 255 * (at % 4 === 1 ? 0.5 : 1),
      );
      const { data } = await sharp(opaque).raw().toBuffer({ resolveWithObject: true });
      const rgba = Uint8Array.from({ length: 4 * alpha.length }, (_, at) =>
        at % 4 === 3 ? (alpha[(at - 3) / 4] ?? 0) : (data[Math.floor(at / 4) * 3 + (at % 4)] ?? 0),
      );
      const raw = { width: 600, height: 450, channels: 4 } as const;
      const png = await sharp(rgba, { raw }).png().toBuffer();
      assert.deepEqual((await look(png)).pixels, expected);
      const webp = await sharp(rgba, { raw }).webp({ lossless: true, exact: true }).toBuffer();
      assert.ok(difference((await look(webp)).pixels, expected) < 0.5);
    });
  }

  test('takes a picture of one pixel', async () => {
    const { frame } = await decode(await plainPicture(1, 1));
    assert.deepEqual([frame.scaledWidth, frame.scaledHeight], [320, 320]);
  });

  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>';
  const bad: readonly (readonly [what: string, bytes: Buffer])[] = [
    ['no bytes', Buffer.alloc(0)],
    ['text', Buffer.from('this is no picture')],
    ['a picture cut in the middle', picture.subarray(0, Math.floor(picture.length * 0.45))],
    ['a header alone', picture.subarray(0, 200)],
    ['an SVG', Buffer.from(svg)],
    ['a TIFF', tiff],
    ['a GIF', gif],
    ['an AVIF', avif],
    ['a PDF', Buffer.from('%PDF-1.4\n')],
  ];
  for (const [what, bytes] of bad) {
    test(`refuses ${what}`, async () => {
      await assert.rejects(decode(bytes), InvalidImageError);
    });
  }

  test('refuses a picture with too many pixels from its header', async () => {
    const bomb = await plainPicture(5_000, 5_000);
    const before = process.memoryUsage.rss();
    await assert.rejects(decode(bomb), InvalidImageError);
    assert.ok(process.memoryUsage.rss() - before < 40 * 1024 * 1024, 'it was not decoded');
  });
});
