// The file `NAME.yaml` beside a model: what its maker, or who serves it, says of it. It wins over what the model says
// itself. Every key is explained in docs/models.md.
import { access, readFile } from 'node:fs/promises';
import { z } from 'zod';
import { parseYaml } from '../../config/yaml.js';
import { StartupError } from '../../errors.js';

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

/** Reads the sidecar of the model at `modelPath`; where there is none it says nothing. Throws StartupError. */
export async function readSidecar(modelPath: string): Promise<Sidecar> {
  const path = sidecarPath(modelPath);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return sidecarSchema.parse({});
    throw new StartupError(`${path} cannot be read (${errnoOf(cause)})`, 'make it readable or remove it', {
      cause,
    });
  }
  try {
    return sidecarSchema.parse(parseYaml(text) ?? {});
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

function sidecarPath(modelPath: string): string {
  return modelPath.replace(/\.onnx$/i, '') + '.yaml';
}

export function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
