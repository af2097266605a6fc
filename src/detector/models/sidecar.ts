// The file `NAME.yaml` beside a model: what its maker, or who serves it, says of it. It wins over what the model says
// itself. Every key is explained in docs/models.md.
import { access } from 'node:fs/promises';
import { z } from 'zod';
import { parseYaml } from '../../config/yaml.js';
import { StartupError } from '../../errors.js';
import { readRegular, UnreadableError } from './regular-file.js';

/** Kinds of models, named after the first of their family. */
export const modelKinds = ['yolo-v5', 'yolo-v8', 'end-to-end', 'classifier'] as const;
export type ModelKind = (typeof modelKinds)[number];

const share = z.number().gt(0).max(1);
const side = z.int().min(32).max(4096);
const perChannel = z.tuple([z.number(), z.number(), z.number()]);
const aboveZero = z.number().gt(0);

const sidecarSchema = z.strictObject({
  task: z.enum(['detect', 'classify']).optional(),
  kind: z.enum(modelKinds).optional(),
  classes: z.array(z.string().min(1)).min(1).optional(),
  /** A square's side, or [height, width] as exporters write it. */
  img_size: z.union([side, z.tuple([side, side])]).optional(),
  confidence_threshold: share.optional(),
  iou_threshold: share.optional(),
  agnostic_nms: z.boolean().optional(),
  scores: z.enum(['logits', 'probabilities']).optional(),
  /** The output that is read, where there are several. */
  output: z.string().min(1).optional(),
  /** With two stages: the class of the finder whose boxes are pears. */
  pear_class: z.string().min(1).optional(),
  input: z
    .strictObject({
      layout: z.enum(['nhwc', 'nchw']).optional(),
      dtype: z.enum(['uint8', 'float32', 'float16']).optional(),
      resize: z.enum(['letterbox', 'stretch', 'crop']).optional(),
      letterbox_fill: z.int().min(0).max(255).optional(),
      crop_fraction: share.optional(),
      interpolation: z.enum(['nearest', 'linear', 'cubic', 'lanczos', 'opencv-linear']).optional(),
      mean: perChannel.optional(),
      std: z.tuple([aboveZero, aboveZero, aboveZero]).optional(),
      channel_order: z.enum(['rgb', 'bgr']).optional(),
    })
    .prefault({}),
  version: z.union([z.string(), z.number()]).optional(),
  description: z.string().optional(),
  license: z.string().optional(),
  attribution: z.union([z.string(), z.array(z.string())]).optional(),
  trained_on: z.unknown().optional(),
});
export type Sidecar = Readonly<z.output<typeof sidecarSchema>>;

/** Room for thousands of class names. */
const bytesMax = 1024 * 1024;

/** The bytes of the sidecar of the model at `modelPath`; null: there is none. Throws StartupError. */
export async function readSidecar(modelPath: string): Promise<Uint8Array | null> {
  const path = sidecarPath(modelPath);
  try {
    return await readRegular(path, bytesMax);
  } catch (cause) {
    if (!(cause instanceof UnreadableError)) throw cause;
    if (cause.message === 'ENOENT') return null;
    throw new StartupError(`${path} cannot be read (${cause.message})`, 'make it readable or remove it', {
      cause,
    });
  }
}

/** What the sidecar of the model at `modelPath` says; without one nothing is said. Throws StartupError. */
export function parseSidecar(modelPath: string, bytes: Uint8Array | null): Sidecar {
  const path = sidecarPath(modelPath);
  try {
    return sidecarSchema.parse(parseYaml(new TextDecoder().decode(bytes ?? new Uint8Array())) ?? {});
  } catch (cause) {
    const problem =
      cause instanceof z.ZodError ? z.prettifyError(cause).replaceAll(/\s+/g, ' ') : String(cause);
    throw new StartupError(
      `${path} does not describe a model: ${problem}`,
      'mend it (docs/models.md has every key) or remove it',
      { cause },
    );
  }
}

/** What to tell of a file that somebody may take for the sidecar of the model at `modelPath`; null: there is none. */
export async function unreadSidecar(modelPath: string): Promise<string | null> {
  const read = sidecarPath(modelPath);
  const unread = read.replace(/\.yaml$/, '.yml');
  try {
    await access(unread);
  } catch {
    return null;
  }
  return `${unread} is not read; what describes the model has to be in ${read}`;
}

export function sidecarPath(modelPath: string): string {
  return modelPath.replace(/\.onnx$/i, '') + '.yaml';
}
