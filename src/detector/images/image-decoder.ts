// Encoded image → the pixels that a network takes: decoded, turned upright, scaled and letterboxed by libvips.
// The only importer of sharp. What is no image, or too large, is an InvalidImageError, whatever its bytes are.
import sharp from 'sharp';
import { InvalidImageError } from '../../errors.js';
import { letterbox, type Letterbox } from './letterbox.js';

export interface DecodeOptions {
  /** Side of the square that comes out, in pixels. */
  readonly inputSize: number;
  /** Grey value of the padding, 0 to 255. */
  readonly fill: number;
  /** Images with more pixels are refused from their header. */
  readonly maxPixels: number;
  readonly timeoutMs: number;
}

export interface DecodedImage {
  /** uint8 [inputSize, inputSize, 3], RGB. */
  readonly pixels: Uint8Array;
  readonly frame: Letterbox;
}

// Each image is seen once, so a cache only costs memory; cores are shared out by worker, not by image.
sharp.cache(false);
sharp.concurrency(1);
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({
  operation: ['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'],
});

/** Decodes a JPEG, PNG or WebP. Throws InvalidImageError. */
export async function decodeImage(encoded: Uint8Array, options: DecodeOptions): Promise<DecodedImage> {
  if (encoded.length === 0) throw new InvalidImageError('the image is empty');
  const { inputSize, fill } = options;
  try {
    const image = sharp(encoded, {
      limitInputPixels: options.maxPixels,
      // Half a picture must not be judged; a camera's odd marker must not refuse a whole one.
      failOn: 'truncated',
      autoOrient: true,
    });
    const { autoOrient } = await image.metadata();
    const frame = letterbox(autoOrient.width, autoOrient.height, inputSize);
    const pixels = await image
      .resize(frame.scaledWidth, frame.scaledHeight, { fit: 'fill', kernel: 'linear' })
      .removeAlpha()
      .toColourspace('srgb')
      .extend({
        left: frame.left,
        right: inputSize - frame.scaledWidth - frame.left,
        top: frame.top,
        bottom: inputSize - frame.scaledHeight - frame.top,
        background: { r: fill, g: fill, b: fill },
      })
      .timeout({ seconds: Math.ceil(options.timeoutMs / 1000) })
      .raw({ depth: 'uchar' })
      .toBuffer();
    if (pixels.length !== inputSize * inputSize * 3) {
      throw new InvalidImageError(`the image has an unusual form (${pixels.length} bytes decoded)`);
    }
    return { pixels, frame };
  } catch (error) {
    if (error instanceof InvalidImageError) throw error;
    throw new InvalidImageError('the image cannot be decoded', { cause: error });
  }
}
