// Encoded picture → the pixels that a network takes: decoded, turned upright and scaled by libvips, then framed. The only
// importer of sharp. What is no picture, or too large, is an InvalidImageError, whatever its bytes are.
import { getEnvironmentData } from 'node:worker_threads';
import sharp, { type Sharp } from 'sharp';
import { InvalidImageError } from '../../errors.js';
import { sampleFramed } from './bilinear.js';
import { formatsAreSet } from './formats-are-set.js';
import { frameOf, type FramedPicture, type Framing, type Picture, type Region, type Size } from './frame.js';
import { plainJpegSize } from './jpeg-size.js';
import { padded } from './padding.js';

export interface DecodeLimits {
  /** Images with more pixels are refused from their header. */
  readonly maxPixels: number;
  readonly timeoutMs: number;
}

const kernels = { nearest: 'nearest', linear: 'linear', cubic: 'cubic', lanczos: 'lanczos3' } as const;

// Each image is seen once, so a cache only costs memory; cores are shared out by worker, not by image.
sharp.cache(false);
sharp.concurrency(1);
// A state of the whole process, and nothing can be read between the two steps: another thread may be reading.
if (getEnvironmentData(formatsAreSet) !== true) {
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({
    operation: ['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'],
  });
}

/**
 * Decodes a JPEG, PNG or WebP as a network takes it; a JPEG is shrunk while it is decoded where the interpolation allows.
 * Throws InvalidImageError.
 */
export async function decodeFramed(
  encoded: Uint8Array,
  framing: Framing,
  limits: DecodeLimits,
): Promise<FramedPicture> {
  const { interpolation } = framing;
  if (interpolation === 'opencv-linear') return framePicture(await decodeWhole(encoded, limits), framing);
  return decoding(async () => {
    const image = openEncoded(encoded, limits);
    const size = plainJpegSize(encoded);
    if (size !== null) return scaleFramed(image, size, framing, kernels[interpolation]);
    const { autoOrient, hasAlpha } = await image.metadata();
    // libvips blackens what is transparent when it scales; the colours below count, as for OpenCV and Pillow.
    if (hasAlpha) return framePicture(await decodeWhole(encoded, limits), framing);
    return scaleFramed(image, autoOrient, framing, kernels[interpolation]);
  });
}

/** Decodes a JPEG, PNG or WebP, upright, in its own size. Throws InvalidImageError. */
export function decodeWhole(encoded: Uint8Array, limits: DecodeLimits): Promise<Picture> {
  return decoding(async () => {
    const image = toPixels(openEncoded(encoded, limits));
    const { data, info } = await image.toBuffer({ resolveWithObject: true });
    return checked({ pixels: data, width: info.width, height: info.height });
  });
}

/** Frames a picture, or a region of it, for a network. */
export async function framePicture(
  picture: Picture,
  framing: Framing,
  region?: Region,
): Promise<FramedPicture> {
  const { pixels, width, height } = picture;
  const part = region ?? { left: 0, top: 0, width, height };
  if (framing.interpolation === 'opencv-linear')
    return sampleFramed(picture, part, frameOf(part, framing), framing);
  const raw = { width, height, channels: 3 } as const;
  const image = sharp(pixels, { raw, limitInputPixels: false }).extract(part);
  return scaleFramed(image, part, framing, kernels[framing.interpolation]);
}

function openEncoded(encoded: Uint8Array, { maxPixels, timeoutMs }: DecodeLimits): Sharp {
  if (encoded.length === 0) throw new InvalidImageError('the image is empty');
  return sharp(encoded, {
    limitInputPixels: maxPixels,
    // Half a picture must not be judged; a camera's odd marker must not refuse a whole one.
    failOn: 'truncated',
    autoOrient: true,
  }).timeout({ seconds: Math.ceil(timeoutMs / 1000) });
}

async function scaleFramed(
  image: Sharp,
  size: Size,
  framing: Framing,
  kernel: (typeof kernels)[keyof typeof kernels],
): Promise<FramedPicture> {
  const { width, height } = framing;
  const frame = frameOf(size, framing);
  const how = { fit: 'fill', kernel } as const;
  const shrunk = {
    width: Math.min(size.width, frame.scaledWidth),
    height: Math.min(size.height, frame.scaledHeight),
  };
  if (shrunk.width < frame.scaledWidth || shrunk.height < frame.scaledHeight) {
    // What libvips enlarges it moves by half a pixel, as OpenCV and Pillow do not.
    const small = image.resize(shrunk.width, shrunk.height, how);
    const picture = checked({ pixels: await toPixels(small).toBuffer(), ...shrunk });
    return sampleFramed(picture, { left: 0, top: 0, ...shrunk }, frame, framing);
  }
  const [left, top] = [Math.max(frame.left, 0), Math.max(frame.top, 0)];
  const visible = {
    left: left - frame.left,
    top: top - frame.top,
    width: Math.min(frame.left + frame.scaledWidth, width) - left,
    height: Math.min(frame.top + frame.scaledHeight, height) - top,
  };
  const scaled = image.resize(frame.scaledWidth, frame.scaledHeight, how).extract(visible);
  const picture = checked({
    pixels: await toPixels(scaled).toBuffer(),
    width: visible.width,
    height: visible.height,
  });
  return { pixels: padded(picture, left, top, framing), width, height, frame };
}

function toPixels(image: Sharp): Sharp {
  return image.removeAlpha().toColourspace('srgb').raw({ depth: 'uchar' });
}

function checked(picture: Picture): Picture {
  const { pixels, width, height } = picture;
  if (pixels.length === width * height * 3) return picture;
  throw new InvalidImageError(`the image has an unusual form (${pixels.length} bytes decoded)`);
}

async function decoding<Result>(decode: () => Promise<Result>): Promise<Result> {
  try {
    return await decode();
  } catch (error) {
    if (error instanceof InvalidImageError) throw error;
    throw new InvalidImageError('the image cannot be decoded', { cause: error });
  }
}
