// Photos as an industrial camera would send them: the sample pictures scaled up to 2048 × 1536, with the noise of a
// sensor, as JPEGs of about 500 KB. Without the noise they would compress, and decode, like no real photo.
import { copyFile, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { gaussian, seededRandom, type Random } from './random.js';

export interface Photo {
  readonly name: string;
  readonly bytes: number;
}

export const photoWidth = 2048;
export const photoHeight = 1536;
export const photoBytes = 500_000;
/** Of the library that decodes them. */
export const libvipsVersion = sharp.versions.vips;

/** How far from `photoBytes` a photo may be, as a share. */
export const photoBytesTolerance = 0.1;

/** Deviation of the noise in grey values: a small sensor in the light of a hall. */
const noiseDeviation = 4;
/** Noise is taken from a table in random order: fresh normal numbers for each pixel would take a second a photo. */
const noiseTableLength = 65_536;

/** Writes `count` photos into `folder`, made of the pictures in `samples`; the same ones for the same seed. */
export async function renderPhotos(
  samples: string,
  folder: string,
  count: number,
  seed: number,
): Promise<readonly Photo[]> {
  const pictures = await pictureNames(samples);
  const random = seededRandom(seed);
  const noise = Float32Array.from({ length: noiseTableLength }, () => gaussian(random) * noiseDeviation);
  const photos: Photo[] = [];
  for (let index = 0; index < count; index++) {
    const picture = pictures[index % pictures.length] ?? '';
    // From the second time on a picture is turned, so that no photo is there twice.
    const degrees = 90 * Math.floor(index / pictures.length);
    const pixels = await scaledUp(join(samples, picture), degrees);
    addNoise(pixels, noise, random);
    const jpeg = await encode(pixels);
    const name = `photo-${String(index + 1).padStart(3, '0')}.jpg`;
    await writeFile(join(folder, name), jpeg);
    photos.push({ name, bytes: jpeg.length });
  }
  return photos;
}

/** The pictures in `samples` as they are: for runs about many images, not about speed. */
export async function copySamples(samples: string, folder: string): Promise<readonly Photo[]> {
  const names = await pictureNames(samples);
  const photos: Photo[] = [];
  for (const name of names) {
    await copyFile(join(samples, name), join(folder, name));
    photos.push({ name, bytes: (await stat(join(folder, name))).size });
  }
  return photos;
}

async function pictureNames(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith('.jpg')).sort();
}

/** uint8 [photoHeight, photoWidth, 3], RGB. */
function scaledUp(path: string, degrees: number): Promise<Buffer> {
  return sharp(path)
    .rotate(degrees)
    .resize(photoWidth, photoHeight, { fit: 'cover', kernel: 'cubic' })
    .removeAlpha()
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer();
}

/** The same for the three colours of a pixel: cameras smooth the noise of colours away. */
function addNoise(pixels: Buffer, noise: Float32Array, random: Random): void {
  for (let at = 0; at < pixels.length; at += 3) {
    const value = noise[Math.floor(random() * noise.length)] ?? 0;
    pixels[at] = clamp((pixels[at] ?? 0) + value);
    pixels[at + 1] = clamp((pixels[at + 1] ?? 0) + value);
    pixels[at + 2] = clamp((pixels[at + 2] ?? 0) + value);
  }
}

function clamp(value: number): number {
  return Math.min(255, Math.max(0, Math.round(value)));
}

/** Looks for the quality that gives the wanted size, halving the range each time. */
async function encode(pixels: Buffer): Promise<Buffer> {
  const image = sharp(pixels, { raw: { width: photoWidth, height: photoHeight, channels: 3 } });
  let [low, high] = [1, 100];
  for (;;) {
    const quality = Math.round((low + high) / 2);
    const jpeg = await image.clone().jpeg({ quality }).toBuffer();
    if (Math.abs(jpeg.length / photoBytes - 1) <= photoBytesTolerance / 2 || high - low <= 1) return jpeg;
    if (jpeg.length > photoBytes) high = quality;
    else low = quality;
  }
}
