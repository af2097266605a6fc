// How the input of a network wants its numbers, told by the graph; what the graph leaves open is asked of the configuration,
// the sidecar and the metadata. And how pictures are brought into it, by the sidecar or by what is usual for the kind.
import { StartupError } from '../../errors.js';
import type { Framing, Size } from '../images/frame.js';
import type { TensorForm } from '../images/input-tensor.js';
import type { ModelSpec } from './model-spec.js';
import { unfit, type Found } from './refusal.js';
import type { ModelKind } from './sidecar.js';

/** Where nobody says anything: ultralytics' default, the size that most detectors are trained at. */
const usualSide = 640;

/** As torchvision and timm normalise for networks that began with ImageNet. */
const imageNet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;
const plain = { mean: [0, 0, 0], std: [1, 1, 1] } as const;

/** What the graph says of its input. */
export interface InputForm extends Size {
  readonly name: string;
  readonly dtype: TensorForm['dtype'];
  readonly layout: TensorForm['layout'];
  /** Nobody has said the size: it is a guess. */
  readonly isSizeGuessed: boolean;
  /** The graph says both sides. */
  readonly isSizeFixed: boolean;
}

const wanted =
  'export a model with one input of one picture, float32, float16 or uint8, [1, 3, height, width] or [1, height, width, 3]';

/** Throws StartupError that says what was found and what would do. */
export function inputFormOf(found: Found, spec: ModelSpec): InputForm {
  const [input, ...others] = found.inputs;
  if (input === undefined || others.length > 0) throw unfit(found, 'does not have one input', wanted);
  const { dtype, layout } = spec.input;
  const [batch, ...rest] = input.shape;
  if (typeof batch === 'number' && batch > 1) {
    throw unfit(found, `takes ${batch} pictures at a time`, 'export it for one picture (batch=1)');
  }
  if (input.type !== 'float32' && input.type !== 'float16' && input.type !== 'uint8') {
    throw unfit(found, `takes ${input.type}`, wanted);
  }
  if (input.shape.length !== 4) throw unfit(found, 'does not take a picture', wanted);
  const isOpen = (side: number | string | undefined) => typeof side !== 'number' || side <= 0;
  const read =
    rest[0] === 3
      ? 'nchw'
      : rest[2] === 3
        ? 'nhwc'
        : isOpen(rest[0]) && isOpen(rest[2])
          ? (layout ?? 'nchw')
          : null;
  if (read === null) throw unfit(found, 'does not take three channels', wanted);
  if ((dtype ?? input.type) !== input.type || (layout ?? read) !== read) {
    throw new StartupError(
      `the model ${spec.name} takes ${input.type} ${read}, but its .yaml file says ${[dtype, layout].filter(Boolean).join(' ')}`,
      'correct input.dtype and input.layout in the .yaml file beside the model, or leave them out',
    );
  }
  if (input.type === 'uint8' && (spec.input.mean ?? spec.input.std) !== undefined) {
    throw new StartupError(
      `the model ${spec.name} takes uint8, which is not normalised, but its .yaml file has input.mean or input.std`,
      'leave them out; such a model normalises itself',
    );
  }
  const [height, width] = read === 'nchw' ? [rest[1], rest[2]] : [rest[0], rest[1]];
  const size = checkedSize({ height, width }, spec);
  const { isGuessed, isFixed, ...sides } = size;
  return {
    name: input.name,
    dtype: input.type,
    layout: read,
    ...sides,
    isSizeGuessed: isGuessed,
    isSizeFixed: isFixed,
  };
}

/** No network that judges photos in time takes larger ones; each would need gigabytes. */
const sideMax = 4096;

/** The size of the graph; where it is open, the wanted one. */
function checkedSize(
  graph: { readonly width: number | string | undefined; readonly height: number | string | undefined },
  { name, size }: ModelSpec,
): Size & { readonly isGuessed: boolean; readonly isFixed: boolean } {
  const fixed = (side: number | string | undefined) => (typeof side === 'number' && side > 0 ? side : null);
  const [width, height] = [fixed(graph.width), fixed(graph.height)];
  const isRefused =
    size !== null && ((width !== null && width !== size.width) || (height !== null && height !== size.height));
  if (isRefused && size.from !== 'metadata') {
    const inWords = (side: number | null) => side ?? 'any';
    const key = size.from === 'configuration' ? 'model.img_size' : 'img_size in the .yaml file beside the model';
    throw new StartupError(
      `the model ${name} takes images of ${inWords(width)} × ${inWords(height)} pixels, not of ${size.width} × ${size.height}`,
      `correct ${key}, or leave it out`,
    );
  }
  const found = {
    width: width ?? size?.width ?? height ?? usualSide,
    height: height ?? size?.height ?? width ?? usualSide,
  };
  if (Math.max(found.width, found.height) > sideMax) {
    throw new StartupError(
      `the model ${name} takes images of ${found.width} × ${found.height} pixels, more than ${sideMax} on a side`,
      'export it for smaller ones',
    );
  }
  return {
    ...found,
    isGuessed: size === null && width === null && height === null,
    isFixed: width !== null && height !== null,
  };
}

/**
 * How pictures come into the input. A detector letterboxes and takes 0 to 1, as ultralytics does; so does its classifier,
 * which crops; any other classifier stretches and normalises as for ImageNet, as torchvision's and timm's do.
 * `interpolation`: where the sidecar says none, in place of the usual one.
 */
export function preprocessingOf(
  kind: ModelKind,
  form: InputForm,
  spec: ModelSpec,
  interpolation?: Framing['interpolation'],
): Framing & TensorForm {
  const { input, isUltralytics } = spec;
  const isDetector = kind !== 'classifier';
  const usual = isDetector || isUltralytics ? plain : imageNet;
  const { width, height, dtype, layout } = form;
  return {
    width,
    height,
    dtype,
    layout,
    resize: input.resize ?? (isDetector ? 'letterbox' : isUltralytics ? 'crop' : 'stretch'),
    cropFraction: input.crop_fraction ?? 1,
    // Closer to OpenCV's bilinear samples than the linear kernel, which blurs; Pillow's bilinear is the linear kernel.
    interpolation: input.interpolation ?? interpolation ?? (isDetector ? 'cubic' : 'linear'),
    fill: input.letterbox_fill ?? 114,
    channelOrder: input.channel_order ?? 'rgb',
    mean: input.mean ?? usual.mean,
    std: input.std ?? usual.std,
  };
}
