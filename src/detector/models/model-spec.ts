// What is said of a model before it is loaded. It is put together from the configuration, the sidecar `NAME.yaml` and the
// metadata inside the ONNX file; the first of them that says something counts.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import { StartupError } from '../../errors.js';
import type { Size } from '../images/frame.js';
import { classNames, externalDataFile, inputSize, isEndToEnd, onnxMetadata } from './onnx-metadata.js';
import { errnoOf, readSidecar, type ModelKind, type Sidecar } from './sidecar.js';

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

/** A model that serves, as replies and logs name it. */
export interface Model {
  /** File name, such as `pear-starter.onnx`. */
  readonly name: string;
  readonly sha256: string;
  /** SHA-256 of all that decides its verdicts: networks, sidecars, configuration. */
  readonly fingerprint: string;
  readonly classes: readonly string[];
  /** How it was read, a line for each network, in the order in which they look at a picture. */
  readonly readAs: readonly string[];
}

/** A model's file, read once: what was described is what gets loaded. */
export interface ModelFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly spec: ModelSpec;
}

/** Reads the model at `path` and what is known of it. Throws StartupError. `key`: where the configuration names it. */
export async function readModel(path: string, overrides: ModelOverrides, key: string): Promise<ModelFile> {
  const bytes = await readBytes(path, key);
  const sidecar = await readSidecar(path);
  const metadata = onnxMetadata(bytes);
  const name = basename(path);
  const own = classNames(metadata);
  const weights = externalDataFile(bytes);
  if (weights !== null) {
    throw new StartupError(
      `the model ${name} keeps its weights in another file, ${weights}`,
      'export it in one file: torch.onnx.export(…, external_data=False), or onnx.save(onnx.load(path), path)',
    );
  }
  return {
    bytes,
    spec: {
      name,
      sha256: createHash('sha256').update(bytes).digest('hex'),
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

async function readBytes(path: string, key: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    throw new StartupError(
      `the model ${path} cannot be read (${errnoOf(cause)})`,
      `set ${key} to an ONNX file that the server may read`,
      { cause },
    );
  }
}
