// What the server has to know of a model beside its bytes: classes, input size, thresholds. It is put together
// from the configuration, the sidecar `NAME.yaml` and the metadata inside the ONNX file, in this order.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import { parseYaml } from '../../config/yaml.js';
import { StartupError } from '../../errors.js';
import { classNames, inputSize, onnxMetadata } from './onnx-metadata.js';

/** What the configuration says of the model; null: as the model itself says. */
export const modelOverridesSchema = z.object({
  classes: z.array(z.string()).nullable(),
  imgSize: z.int().nullable(),
  confidenceThreshold: z.number().nullable(),
});
export type ModelOverrides = Readonly<z.output<typeof modelOverridesSchema>>;

export interface ModelSpec {
  /** File name, such as `pear-starter.onnx`. */
  readonly name: string;
  readonly sha256: string;
  readonly classes: readonly string[] | null;
  /** Side of the square input in pixels; null where only the graph can say. */
  readonly imgSize: number | null;
  /** 0 to 1. */
  readonly confidenceThreshold: number;
  readonly iouThreshold: number;
  readonly suppressAcrossClasses: boolean;
  /** Grey value of the padding, 0 to 255. */
  readonly letterboxFill: number;
  /** What the sidecar says of the input, such as `uint8 nhwc`; null where it says nothing. The graph has to agree. */
  readonly input: { readonly dtype: string | null; readonly layout: string | null };
}

/** A model's file, read once: what was described is what gets loaded. */
export interface ModelFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly spec: ModelSpec;
}

const share = z.number().gt(0).max(1);

const sidecarSchema = z.strictObject({
  task: z.literal('detect').optional(),
  classes: z.array(z.string().min(1)).min(1).optional(),
  img_size: z.int().min(32).max(4096).optional(),
  confidence_threshold: share.optional(),
  iou_threshold: share.optional(),
  agnostic_nms: z.boolean().optional(),
  input: z
    .strictObject({
      layout: z.enum(['nhwc', 'nchw']).optional(),
      dtype: z.enum(['uint8', 'float32']).optional(),
      letterbox_fill: z.int().min(0).max(255).optional(),
    })
    .optional(),
  version: z.union([z.string(), z.number()]).optional(),
  description: z.string().optional(),
  license: z.string().optional(),
  attribution: z.union([z.string(), z.array(z.string())]).optional(),
  trained_on: z.unknown().optional(),
});
type Sidecar = z.output<typeof sidecarSchema>;

/** Reads the model at `path` and what is known of it. Throws StartupError. */
export async function readModel(path: string, overrides: ModelOverrides): Promise<ModelFile> {
  const bytes = await readBytes(path);
  const sidecar = await readSidecar(path);
  const metadata = onnxMetadata(bytes);
  return {
    bytes,
    spec: {
      name: basename(path),
      sha256: createHash('sha256').update(bytes).digest('hex'),
      classes: overrides.classes ?? sidecar.classes ?? classNames(metadata),
      imgSize: overrides.imgSize ?? sidecar.img_size ?? inputSize(metadata),
      confidenceThreshold: overrides.confidenceThreshold ?? sidecar.confidence_threshold ?? 0.5,
      iouThreshold: sidecar.iou_threshold ?? 0.45,
      suppressAcrossClasses: sidecar.agnostic_nms ?? false,
      letterboxFill: sidecar.input?.letterbox_fill ?? 114,
      input: { dtype: sidecar.input?.dtype ?? null, layout: sidecar.input?.layout ?? null },
    },
  };
}

async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    throw new StartupError(
      `the model ${path} cannot be read (${errnoOf(cause)})`,
      'set model.model_path to an ONNX file that the server may read',
      { cause },
    );
  }
}

async function readSidecar(modelPath: string): Promise<Sidecar> {
  const path = modelPath.replace(/\.onnx$/i, '') + '.yaml';
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return {};
    throw new StartupError(`${path} cannot be read (${errnoOf(cause)})`, 'make it readable or remove it', {
      cause,
    });
  }
  try {
    return sidecarSchema.parse(parseYaml(text) ?? {});
  } catch (cause) {
    const problem =
      cause instanceof z.ZodError ? z.prettifyError(cause).replaceAll(/\s+/g, ' ') : String(cause);
    throw new StartupError(`${path} does not describe a model: ${problem}`, 'mend it or remove it', {
      cause,
    });
  }
}

function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
