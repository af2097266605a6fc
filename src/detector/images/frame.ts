// The geometry of a network's input: how a picture of any shape is scaled into it, and the way back for boxes. Letterboxing
// as ultralytics does it (LetterBox, scale_boxes), centre crops as torchvision does them (Resize, CenterCrop), so that the
// same picture gives the same pixels and the same boxes as there.

/** Width and height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** `[x1, y1, x2, y2]`; which pixels are meant is said where it is used. */
export type Box = readonly [x1: number, y1: number, x2: number, y2: number];

/** A part of a picture, in whole pixels. */
export interface Region extends Size {
  readonly left: number;
  readonly top: number;
}

/** uint8 [height, width, 3], RGB. */
export interface Picture extends Size {
  readonly pixels: Uint8Array;
}

/** A picture as a network takes it, and how the upright image lies in it. */
export interface FramedPicture extends Picture {
  readonly frame: Frame;
}

/** How a network wants its pictures. */
export interface Framing extends Size {
  /**
   * letterbox: scaled with its sides in proportion, centred, the rest filled; stretch: scaled to the very size;
   * crop: the shorter side scaled, what is too long cut off at both ends.
   */
  readonly resize: 'letterbox' | 'stretch' | 'crop';
  /** With crop: the share of the shorter side that is kept, above 0, at most 1. */
  readonly cropFraction: number;
  /** opencv-linear: bilinear samples of the whole picture without averaging; the others average over what they skip. */
  readonly interpolation: 'nearest' | 'linear' | 'cubic' | 'lanczos' | 'opencv-linear';
  /** Grey value of what is filled, 0 to 255. */
  readonly fill: number;
}

/** How one upright picture of `width` × `height` pixels lies in the input of a network. */
export interface Frame extends Size {
  /** Size of the scaled picture, in pixels of the input. */
  readonly scaledWidth: number;
  readonly scaledHeight: number;
  /** Where its corner lies in the input; negative where it is cut off. */
  readonly left: number;
  readonly top: number;
}

/** The frame of a picture of that size. */
export function frameOf({ width, height }: Size, framing: Framing): Frame {
  const scaled = scaledSize({ width, height }, framing);
  const [spareX, spareY] = [framing.width - scaled.width, framing.height - scaled.height];
  // The odd row of padding goes below; a crop is rounded to the even side.
  const offset = framing.resize === 'crop' ? (spare: number) => 0 - roundHalfEven(-spare / 2) : halfBelow;
  return {
    width,
    height,
    scaledWidth: scaled.width,
    scaledHeight: scaled.height,
    left: offset(spareX),
    top: offset(spareY),
  };
}

/** A box in pixels of the input, in pixels of the upright picture; cut at the picture's edges. */
export function toImage(box: Box, frame: Frame): Box {
  const x = (value: number) => clamp(((value - frame.left) * frame.width) / frame.scaledWidth, frame.width);
  const y = (value: number) => clamp(((value - frame.top) * frame.height) / frame.scaledHeight, frame.height);
  return [x(box[0]), y(box[1]), x(box[2]), y(box[3])];
}

/** What `box` cuts out of a picture, as Python's slices with int() do: whole pixels, at least one. */
export function regionOf(box: Box, { width, height }: Size): Region {
  const left = Math.min(Math.trunc(clamp(box[0], width)), width - 1);
  const top = Math.min(Math.trunc(clamp(box[1], height)), height - 1);
  return {
    left,
    top,
    width: Math.max(Math.trunc(clamp(box[2], width)) - left, 1),
    height: Math.max(Math.trunc(clamp(box[3], height)) - top, 1),
  };
}

function scaledSize({ width, height }: Size, framing: Framing): Size {
  const [ratioX, ratioY] = [framing.width / width, framing.height / height];
  switch (framing.resize) {
    case 'stretch':
      return { width: framing.width, height: framing.height };
    case 'letterbox': {
      const scale = Math.min(ratioX, ratioY);
      return {
        width: Math.max(1, roundHalfEven(width * scale)),
        height: Math.max(1, roundHalfEven(height * scale)),
      };
    }
    case 'crop': {
      // Sides before cutting are whole numbers: the shorter one first, then the longer one in proportion, rounded down.
      const scale = Math.max(
        Math.floor(framing.width / framing.cropFraction) / width,
        Math.floor(framing.height / framing.cropFraction) / height,
      );
      const side = (length: number) => Math.max(1, Math.floor(length * scale + 1e-9));
      return { width: side(width), height: side(height) };
    }
    default:
      return framing.resize satisfies never;
  }
}

function halfBelow(spare: number): number {
  return Math.floor(spare / 2);
}

/** Rounds as Python does: a half goes to the even neighbour. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

function clamp(value: number, max: number): number {
  return Math.min(Math.max(value, 0), max);
}
