// What is said of a model before it is loaded. It is put together from the configuration, the sidecar `NAME.yaml` and the
// metadata inside the ONNX file; the first of them that says something counts.
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { z } from 'zod';
import { StartupError } from '../../errors.js';
import type { Size } from '../images/frame.js';
import { externalDataFile } from './external-data.js';
import { classNames, inputSize, isEndToEnd, onnxMetadata } from './onnx-metadata.js';
import { MalformedError } from './protobuf.js';
import { readRegular, UnreadableError } from './regular-file.js';
import { parseSidecar, readSidecar, type ModelKind, type Sidecar } from './sidecar.js';

/** What the configuration says of the model; null: as the model itself says. */
export const modelOverridesSchema = z.object({
  classes: z.array(z.string()).nullable(),
  /** Side of the square input in pixels. */
  imgSize: z.int().nullable(),
  confidenceThreshold: z.number().nullable(),
});
export type ModelOverrides = Readonly<z.output<typeof modelOverridesSchema>>;

/** Who says something of a model. */
export type Origin = 'configuration' | 'sidecar' | 'metadata';

export interface ModelSpec {
  /** File name, such as `pear-starter.onnx`. */
  readonly name: string;
  readonly sha256: string;
  readonly classes: readonly string[] | null;
  /** Who has named them. */
  readonly classesFrom: Origin | null;
  /** What the model is for, such as `detect`, `classify`, `segment`. */
  readonly task: string | null;
  /** What the sidecar says that it is; the shapes have to agree. */
  readonly kind: ModelKind | null;
  /** Its exporter says that it needs no suppression. */
  readonly isEndToEnd: boolean;
  /** Ultralytics' exporter made it: its networks want other pictures than everybody else's. */
  readonly isUltralytics: boolean;
  /** Size of the input that is wanted, and by whom. */
  readonly size: (Size & { readonly from: Origin }) | null;
  /** 0 to 1. */
  readonly confidenceThreshold: number | null;
  readonly iouThreshold: number;
  readonly suppressAcrossClasses: boolean;
  readonly scores: 'logits' | 'probabilities' | null;
  /** Name of the output that is to be read; null: the one that fits. */
  readonly output: string | null;
  /** Name of the class whose boxes are pears, where it finds them for a classifier; null: each class. */
  readonly pearClass: string | null;
  readonly input: Sidecar['input'];
}

/** A model that serves, as replies and logs name it; it passes between processes. */
export const modelSchema = z.object({
  /** File name, such as `pear-starter.onnx`. */
  name: z.string(),
  sha256: z.string(),
  /** SHA-256 of all that decides its verdicts: networks, sidecars, configuration. */
  fingerprint: z.string(),
  classes: z.array(z.string()).readonly(),
  /** How it was read, a line for each network, in the order in which they look at a picture. */
  readAs: z.array(z.string()).readonly(),
});
export type Model = Readonly<z.output<typeof modelSchema>>;

/** A model's file, read once: what was described is what gets loaded. */
export interface ModelFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly spec: ModelSpec;
  /** Of the sidecar, comments and all; null: there is none. */
  readonly sidecarSha256: string | null;
}

/** How a file is read. */
export interface ReadOptions {
  /** Where the configuration names the model. */
  readonly key: string;
  /** Longer files are refused. */
  readonly maxBytes: number;
}

/** Reads the model at `path` and what is known of it. Throws StartupError. */
export async function readModel(
  path: string,
  overrides: ModelOverrides,
  options: ReadOptions,
): Promise<ModelFile> {
  const bytes = await readBytes(path, options);
  const sidecarBytes = await readSidecar(path);
  const sidecar = parseSidecar(path, sidecarBytes);
  // As clients are told of it, however the disk has it.
  const name = basename(path).normalize('NFC');
  const metadata = metadataOf(bytes, name, options.key);
  const own = classNames(metadata);
  return {
    bytes,
    sidecarSha256: sidecarBytes === null ? null : sha256(sidecarBytes),
    spec: {
      name,
      sha256: sha256(bytes),
      classes: overrides.classes ?? sidecar.classes ?? own,
      classesFrom:
        overrides.classes !== null
          ? 'configuration'
          : sidecar.classes !== undefined
            ? 'sidecar'
            : own !== null
              ? 'metadata'
              : null,
      task: sidecar.task ?? taskOf(sidecar.kind) ?? metadata.get('task') ?? null,
      kind: sidecar.kind ?? null,
      isEndToEnd: isEndToEnd(metadata),
      isUltralytics: metadata.has('task'),
      size: sizeOf(overrides, sidecar, metadata),
      confidenceThreshold: overrides.confidenceThreshold ?? sidecar.confidence_threshold ?? null,
      iouThreshold: sidecar.iou_threshold ?? 0.45,
      suppressAcrossClasses: sidecar.agnostic_nms ?? false,
      scores: sidecar.scores ?? null,
      output: sidecar.output ?? null,
      pearClass: sidecar.pear_class ?? null,
      input: sidecar.input,
    },
  };
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Where ONNX Runtime's own format says what it is. */
const formatMark = { start: 4, text: 'ORTM' };

/** The metadata of a file that is ONNX and whole in itself; others are refused before ONNX Runtime sees them. */
function metadataOf(bytes: Uint8Array, name: string, key: string): ReadonlyMap<string, string> {
  try {
    const { start, text } = formatMark;
    if (new TextDecoder().decode(bytes.subarray(start, start + text.length)) === text)
      throw new MalformedError('it is in the format of ONNX Runtime');
    const metadata = onnxMetadata(bytes);
    const weights = externalDataFile(bytes);
    if (weights === null) return metadata;
    throw new StartupError(
      `the model ${name} keeps its weights in another file, ${weights}`,
      'export it in one file: torch.onnx.export(…, external_data=False), or onnx.save(onnx.load(path), path)',
    );
  } catch (cause) {
    if (!(cause instanceof MalformedError)) throw cause;
    throw new StartupError(
      `the model ${name} cannot be loaded: it is no whole ONNX file (${cause.message})`,
      `set ${key} to a whole ONNX file`,
      { cause },
    );
  }
}

function taskOf(kind: ModelKind | undefined): string | undefined {
  if (kind === undefined) return undefined;
  return kind === 'classifier' ? 'classify' : 'detect';
}

function sizeOf(
  { imgSize }: ModelOverrides,
  { img_size }: Sidecar,
  metadata: ReadonlyMap<string, string>,
): ModelSpec['size'] {
  if (imgSize !== null) return { width: imgSize, height: imgSize, from: 'configuration' };
  if (typeof img_size === 'number') return { width: img_size, height: img_size, from: 'sidecar' };
  if (img_size !== undefined) return { width: img_size[1], height: img_size[0], from: 'sidecar' };
  const size = inputSize(metadata);
  return size === null ? null : { ...size, from: 'metadata' };
}

async function readBytes(
  path: string,
  { key, maxBytes }: ReadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await readRegular(path, maxBytes);
  } catch (cause) {
    if (!(cause instanceof UnreadableError)) throw cause;
    throw new StartupError(
      `the model ${path} cannot be read (${cause.message})`,
      `set ${key} to an ONNX file that the server may read, of no more than limits.max_model_bytes`,
      { cause },
    );
  }
}
