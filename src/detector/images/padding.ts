// Lays a scaled picture into the input of a network. Copying costs next to nothing. As a step of
// libvips (`embed`) it makes the scaling before it a tenth slower.
import type { Framing, Picture } from './frame.js';

/** uint8 [height, width, 3]: the picture with its corner at `left`, `top`, grey all round. It must fit. */
export function padded(
  { pixels, width: pictureWidth, height: pictureHeight }: Picture,
  left: number,
  top: number,
  { width, height, fill }: Pick<Framing, 'width' | 'height' | 'fill'>,
): Uint8Array {
  if (pictureWidth === width && pictureHeight === height) return pixels;
  // All of it is written: what lay in that memory is not seen.
  const canvas = Buffer.allocUnsafeSlow(3 * width * height);
  // A picture as wide as the input is one piece.
  const [pieces, pieceBytes] =
    pictureWidth === width ? [1, pixels.length] : [pictureHeight, 3 * pictureWidth];
  let filled = 0;
  for (let piece = 0; piece < pieces; piece++) {
    const at = 3 * ((top + piece) * width + left);
    canvas.fill(fill, filled, at);
    canvas.set(pixels.subarray(piece * pieceBytes, (piece + 1) * pieceBytes), at);
    filled = at + pieceBytes;
  }
  return canvas.fill(fill, filled);
}
