// The files that a judge is made of, read once, and what tells them from all others. No network is loaded here.
import { basename } from 'node:path';
import { StartupError } from '../../errors.js';
import { readModel, sha256, type ModelFile, type ModelSpec } from '../models/model-spec.js';
import type { JudgeOptions } from './judge-options.js';

/** Where the configuration names the networks. */
export const modelKeys = { model: 'model.model_path', finder: 'model.preprocessor_path' } as const;

/** Protobuf, and with it ONNX, ends there. */
export const onnxBytesMax = 2 ** 31 - 1;

export interface JudgeFiles {
  readonly model: ModelFile;
  /** The detector of two stages. */
  readonly finder: ModelFile | null;
  /** SHA-256 of all that decides the verdicts. */
  readonly fingerprint: string;
  /** SHA-256 of what was asked for and of all bytes that were read for it; known without understanding them. */
  readonly contents: string;
}

/** Reads what the options name. Throws StartupError, also where that is not what they expect. */
export async function readJudgeFiles(options: JudgeOptions): Promise<JudgeFiles> {
  const { modelPath, preprocessorPath, overrides, maxModelBytes: maxBytes = onnxBytesMax } = options;
  const { confidenceThreshold } = overrides;
  const finder =
    preprocessorPath === null
      ? null
      : await readModel(
          preprocessorPath,
          { classes: null, imgSize: null, confidenceThreshold },
          { key: modelKeys.finder, maxBytes },
        );
  // With two stages the threshold is the finder's: what it has found gets a verdict.
  const own = finder === null ? overrides : { ...overrides, confidenceThreshold: null };
  const model = await readModel(modelPath, own, { key: modelKeys.model, maxBytes });
  const fingerprint = fingerprintOf(model.spec, finder?.spec ?? null);
  const { expectedFingerprint = null } = options;
  if (expectedFingerprint !== null && expectedFingerprint !== fingerprint) {
    throw new StartupError(
      `the model ${model.spec.name} is not the one that was proved: its file, or one that belongs to it, has changed since`,
      'choose it again: then it is proved anew',
    );
  }
  return {
    model,
    finder,
    fingerprint,
    contents: contentsOf(options, hashesOf(model), finder === null ? null : hashesOf(finder)),
  };
}

/** Of a network and its sidecar. */
export interface FileHashes {
  readonly sha256: string;
  readonly sidecarSha256: string | null;
}

/** `options` as their schema writes them: the order of keys counts. */
export function contentsOf(options: JudgeOptions, model: FileHashes, finder: FileHashes | null): string {
  const { modelPath, preprocessorPath, overrides, runtime } = options;
  const names = [modelPath, preprocessorPath].map((path) => (path === null ? null : basename(path)));
  return sha256(JSON.stringify([names, overrides, runtime, model, finder]));
}

function hashesOf({ spec, sidecarSha256 }: ModelFile): FileHashes {
  return { sha256: spec.sha256, sidecarSha256 };
}

function fingerprintOf(model: ModelSpec, finder: ModelSpec | null): string {
  return sha256(JSON.stringify(finder === null ? [model] : [model, finder]));
}
