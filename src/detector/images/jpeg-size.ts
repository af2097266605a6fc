// The size of a plain JPEG from its header, without the decoder, which takes a third of a millisecond to tell it. Markers
// as in ITU-T T.81, annex B. Whatever is not plain (turned by EXIF, CMYK, damaged) is left to the decoder.
import type { Size } from './frame.js';

const startOfImage = 0xffd8;
/** APP1: EXIF, which may turn the picture. */
const exifMarker = 0xe1;
const startOfScan = 0xda;
/** SOF0 to SOF15, but for DHT, JPG and DAC, which share their range. */
const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
const grey = 1;
const colour = 3;

/** Null where the decoder has to say it. */
export function plainJpegSize(encoded: Uint8Array): Size | null {
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  if (view.byteLength < 2 || view.getUint16(0) !== startOfImage) return null;
  // Each segment: 0xff, its marker, its length without these two bytes, its content.
  for (let at = 2; at + 10 <= view.byteLength;) {
    const marker = view.getUint8(at + 1);
    if (view.getUint8(at) !== 0xff || marker === exifMarker || marker === startOfScan) return null;
    if (isFrame(marker)) {
      const components = view.getUint8(at + 9);
      const size = { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
      const isPlain = (components === grey || components === colour) && size.width > 0 && size.height > 0;
      return isPlain ? size : null;
    }
    const length = view.getUint16(at + 2);
    if (length < 2) return null;
    at += 2 + length;
  }
  return null;
}
