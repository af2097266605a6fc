// The models that the benchmark runs: the one that comes with the server, one of the size of YOLOv8n, or a file.
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { parseYaml } from '../../config/yaml.js';
import { StartupError } from '../../errors.js';
import { yolov8n } from './yolov8n.js';

export interface ModelChoice {
  /** As it is printed. */
  readonly name: string;
  readonly path: string;
  readonly confidenceThreshold: number;
  readonly letterboxFill: number;
}

const starter = fileURLToPath(new URL('../../../models/pear-starter-int8.onnx', import.meta.url));

/** What the bare pipeline has to know of the file beside a model; the server's defaults for what it does not say. */
const sidecarSchema = z.looseObject({
  confidence_threshold: z.number().default(0.5),
  input: z.looseObject({ letterbox_fill: z.int().default(114) }).prefault({}),
});

/** `folder`: where a network that has to be made is written to; `seed`: of its weights. Throws StartupError. */
export async function chooseModel(name: string, folder: string, seed: number): Promise<ModelChoice> {
  if (name === 'yolov8n') {
    const path = join(folder, 'yolov8n-random-640.onnx');
    await writeFile(path, yolov8n({ seed }));
    return describe('yolov8n', path);
  }
  if (name === 'starter') return describe('starter', starter);
  return describe(basename(name), resolve(name));
}

async function describe(name: string, path: string): Promise<ModelChoice> {
  try {
    await readFile(path);
  } catch (cause) {
    throw new StartupError(
      `--model ${name}: ${path} cannot be read`,
      'name starter, yolov8n or an ONNX file',
      {
        cause,
      },
    );
  }
  const sidecar = await readFile(path.replace(/\.onnx$/i, '') + '.yaml', 'utf8').catch(() => '{}');
  const { confidence_threshold, input } = sidecarSchema.parse(parseYaml(sidecar));
  return { name, path, confidenceThreshold: confidence_threshold, letterboxFill: input.letterbox_fill };
}
