import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import { plainJpegSize } from '#src/detector/images/jpeg-size.js';
import { sample } from '../../support/pictures.js';

describe('the size of a JPEG by its header', () => {
  test('is the one that the decoder tells', async () => {
    const picture = await sample('normal-01.jpg');
    const { width, height } = await sharp(picture).metadata();
    assert.deepEqual(plainJpegSize(picture), { width, height });
    for (const options of [{ progressive: true }, { chromaSubsampling: '4:4:4' }, { restartInterval: 1 }]) {
      const other = await sharp(picture).resize(123, 45).jpeg(options).toBuffer();
      assert.deepEqual(plainJpegSize(other), { width: 123, height: 45 });
    }
    const grey = await sharp(picture).resize(67, 89).greyscale().jpeg().toBuffer();
    assert.deepEqual(plainJpegSize(grey), { width: 67, height: 89 });
  });

  test('is left to the decoder where EXIF may turn the picture, where it is CMYK, and where it is no JPEG', async () => {
    const image = sharp(await sample('normal-01.jpg')).resize(64, 48);
    const others = [
      image.clone().withMetadata({ orientation: 6 }).jpeg(),
      image.clone().toColourspace('cmyk').jpeg(),
      image.clone().png(),
      image.clone().webp(),
    ];
    for (const other of others) assert.equal(plainJpegSize(await other.toBuffer()), null);
  });

  test('of bytes that end too early, or are no picture, is null or the right one, and never a fault', async () => {
    const picture = await sharp(await sample('normal-01.jpg'))
      .resize(64, 48)
      .jpeg()
      .toBuffer();
    for (let length = 0; length < 700; length++) {
      const size = plainJpegSize(picture.subarray(0, length));
      assert.ok(size === null || (size.width === 64 && size.height === 48), `${length} bytes`);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        plainJpegSize(bytes);
        plainJpegSize(Buffer.concat([Buffer.of(0xff, 0xd8, 0xff), bytes]));
      }),
    );
  });
});
