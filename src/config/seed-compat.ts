// What a configuration of the Python server says in its own way, and what that means here. It loads as it is;
// where something of it is ignored or read differently, a note says so. Encodings and log levels are in the schema.
import { shownValue } from './problems.js';
import { ignoredKeys } from './schema.js';

export interface SeedReading {
  /** What the value means here; `undefined`: nothing, the default holds. */
  readonly value: unknown;
  /** What the operator should know. */
  readonly note?: string;
}

/** Whether `path` is a key (or section) of the Python server that means nothing here. */
export function isIgnoredKey(path: string): boolean {
  return ignoredKeys.includes(path);
}

/** Reads `value` of the key at `path` as the Python server would, where it differs from us. */
export function readSeedValue(path: string, value: unknown): SeedReading {
  switch (path) {
    case 'model.model_path':
      return typeof value === 'string' ? modelPath(value) : { value };
    case 'model.preprocessor_path':
      return typeof value === 'string' && value !== ''
        ? modelPath(value)
        : { value: value === '' ? null : value };
    case 'model.img_size':
      return { value: squareSide(value) };
    case 'logging.format':
      if (typeof value !== 'string' || !value.includes('%(')) return { value };
      return { value: undefined, note: 'a format of Python is ignored; "auto" is used' };
    default:
      return { value };
  }
}

function modelPath(path: string): SeedReading {
  const onnx = path.replace(/\.pth?$/i, '.onnx');
  return onnx === path
    ? { value: path }
    : { value: onnx, note: `PyTorch models are not read; ${shownValue(onnx)} is used` };
}

/** 640 of [640, 640]; anything else as it is. */
function squareSide(size: unknown): unknown {
  if (!Array.isArray(size) || size.length !== 2) return size;
  const sides: readonly unknown[] = size;
  return sides[0] === sides[1] ? sides[0] : size;
}
