// Pictures that show nothing, to see how a network behaves: encoded, so that they go the way of all pictures.
import sharp from 'sharp';

export interface MadePicture {
  readonly name: string;
  readonly encoded: Uint8Array;
}

const [width, height] = [640, 480];
const raw = { width, height, channels: 3 } as const;

/** One of each kind that networks tend to stumble over: nothing, too much, all values, no order. The same at each call. */
export function madePictures(): Promise<readonly MadePicture[]> {
  const plain = (value: number) => new Uint8Array(width * height * 3).fill(value);
  return Promise.all([
    jpeg('grey', plain(128)),
    png('black', plain(0)),
    jpeg('white', plain(255)),
    png('noise', noise()),
    jpeg('gradient', gradient()),
  ]);
}

async function jpeg(name: string, pixels: Uint8Array): Promise<MadePicture> {
  return { name, encoded: await sharp(pixels, { raw }).jpeg().toBuffer() };
}

async function png(name: string, pixels: Uint8Array): Promise<MadePicture> {
  return { name, encoded: await sharp(pixels, { raw }).png({ compressionLevel: 1 }).toBuffer() };
}

/** Red from left to right, green from top to bottom, blue from corner to corner. */
function gradient(): Uint8Array {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [across, down] = [x / (width - 1), y / (height - 1)];
      pixels.set([255 * across, 255 * down, 127.5 * (across + down)], 3 * (y * width + x));
    }
  }
  return pixels;
}

/** The high bits of a linear congruential generator (Numerical Recipes). */
function noise(): Uint8Array {
  let state = 1;
  return new Uint8Array(width * height * 3).map(() => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}
