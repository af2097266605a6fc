// Pictures for tests, made from the rendered samples of the repository or from nothing.
import { readFile } from 'node:fs/promises';
import sharp from 'sharp';

export const samplesFolder = 'models/samples';

/** The encoded bytes of a sample, such as `normal-01.jpg`. */
export function sample(name: string): Promise<Buffer> {
  return readFile(`${samplesFolder}/${name}`);
}

/** Other forms of one picture; a good server answers each as it answers the picture itself. */
export async function variants(picture: Buffer): Promise<ReadonlyMap<string, Buffer>> {
  const image = () => sharp(picture);
  return new Map([
    ['small.png', await image().resize(800, 600).png().toBuffer()],
    ['progressive.jpg', await image().jpeg({ progressive: true }).toBuffer()],
    ['turned.jpg', await image().rotate(-90).withMetadata({ orientation: 6 }).jpeg().toBuffer()],
    ['cmyk.jpg', await image().toColourspace('cmyk').jpeg().toBuffer()],
    ['16bit.png', await image().resize(800, 600).toColourspace('rgb16').png().toBuffer()],
    ['picture.webp', await image().webp().toBuffer()],
    ['alpha.png', await image().resize(800, 600).ensureAlpha().png().toBuffer()],
  ]);
}

/** A picture of one colour, cheap to store and dear to decode. */
export function plainPicture(width: number, height: number): Promise<Buffer> {
  return sharp({
    create: { width, height, channels: 3, background: { r: 90, g: 140, b: 60 } },
    limitInputPixels: false,
  })
    .png({ compressionLevel: 1 })
    .toBuffer();
}
