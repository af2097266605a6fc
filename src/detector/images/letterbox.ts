// The geometry of letterboxing: how a picture of any shape is scaled into a square with its sides kept in
// proportion, and the way back for boxes. As ultralytics does it: centred, the odd row of padding below.

/** How an upright image of `width` × `height` pixels lies in the square input of a network. */
export interface Letterbox {
  /** Size of the upright image in pixels. */
  readonly width: number;
  readonly height: number;
  /** Size of the scaled picture inside the square, in pixels of the input. */
  readonly scaledWidth: number;
  readonly scaledHeight: number;
  /** Padding left of it and above it, in pixels of the input. */
  readonly left: number;
  readonly top: number;
}

/** `[x1, y1, x2, y2]`; which pixels are meant is said where it is used. */
export type Box = readonly [x1: number, y1: number, x2: number, y2: number];

export function letterbox(width: number, height: number, inputSize: number): Letterbox {
  const scale = Math.min(inputSize / width, inputSize / height);
  const scaledWidth = Math.max(1, Math.round(width * scale));
  const scaledHeight = Math.max(1, Math.round(height * scale));
  return {
    width,
    height,
    scaledWidth,
    scaledHeight,
    left: Math.floor((inputSize - scaledWidth) / 2),
    top: Math.floor((inputSize - scaledHeight) / 2),
  };
}

/** A box in pixels of the input, in pixels of the upright image; cut at the image's edges. */
export function toImage(box: Box, frame: Letterbox): Box {
  const x = (value: number) => clamp(((value - frame.left) * frame.width) / frame.scaledWidth, frame.width);
  const y = (value: number) => clamp(((value - frame.top) * frame.height) / frame.scaledHeight, frame.height);
  return [x(box[0]), y(box[1]), x(box[2]), y(box[3])];
}

function clamp(value: number, max: number): number {
  return Math.min(Math.max(value, 0), max);
}
