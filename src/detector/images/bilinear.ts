// Bilinear samples of a picture without averaging, as OpenCV's resize with INTER_LINEAR takes them: what ultralytics feeds
// its detectors. Shrunk pictures alias so, and networks have learned from such pictures. Weights have 11 bits, as there.
import type { Frame, FramedPicture, Framing, Picture, Region } from './frame.js';

const weightBits = 11;
const one = 1 << weightBits;

/** Puts the region of a picture where `frame` says; pixels within 1 of OpenCV's. */
export function sampleFramed(
  picture: Picture,
  region: Region,
  frame: Frame,
  { width, height, fill }: Framing,
): FramedPicture {
  const pixels = new Uint8Array(width * height * 3).fill(fill);
  const source = picture.pixels;
  const [left, right] = [Math.max(frame.left, 0), Math.min(frame.left + frame.scaledWidth, width)];
  const [top, bottom] = [Math.max(frame.top, 0), Math.min(frame.top + frame.scaledHeight, height)];
  // Of what is seen only: a crop may scale a thin picture to any length.
  const columns = tapsOf(region.width, frame.scaledWidth, region.left, 3, left - frame.left, right - left);
  const rows = tapsOf(
    region.height,
    frame.scaledHeight,
    region.top,
    3 * picture.width,
    top - frame.top,
    bottom - top,
  );
  for (let y = top; y < bottom; y++) {
    const above = rows.first[y - top] ?? 0;
    const below = rows.second[y - top] ?? 0;
    const weightBelow = rows.weight[y - top] ?? 0;
    for (let x = left, at = 3 * (y * width + left); x < right; x++) {
      const before = columns.first[x - left] ?? 0;
      const behind = columns.second[x - left] ?? 0;
      const weightBehind = columns.weight[x - left] ?? 0;
      for (let channel = 0; channel < 3; channel++) {
        const upper = mix(source[above + before + channel], source[above + behind + channel], weightBehind);
        const lower = mix(source[below + before + channel], source[below + behind + channel], weightBehind);
        pixels[at++] = (mix(upper, lower, weightBelow) + one * (one / 2)) >> (2 * weightBits);
      }
    }
  }
  return { pixels, width, height, frame };
}

/** Between `a` and `b`, times `one`. */
function mix(a = 0, b = 0, weightOfB: number): number {
  return a * (one - weightOfB) + b * weightOfB;
}

interface Taps {
  /** Offsets of the two neighbours of each sample. */
  readonly first: Int32Array;
  readonly second: Int32Array;
  /** Weight of the second, 0 to `one`. */
  readonly weight: Int32Array;
}

/** Where `count` of the `to` samples of one side lie, after the first `skipped`: centres of pixels on centres of pixels, the edges repeated. */
function tapsOf(
  from: number,
  to: number,
  start: number,
  stride: number,
  skipped: number,
  count: number,
): Taps {
  const taps = { first: new Int32Array(count), second: new Int32Array(count), weight: new Int32Array(count) };
  for (let index = 0; index < count; index++) {
    const position = Math.min(Math.max(((skipped + index + 0.5) * from) / to - 0.5, 0), from - 1);
    const floor = Math.floor(position);
    taps.first[index] = (start + floor) * stride;
    taps.second[index] = (start + Math.min(floor + 1, from - 1)) * stride;
    taps.weight[index] = Math.round((position - floor) * one);
  }
  return taps;
}
