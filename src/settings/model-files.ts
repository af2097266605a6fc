// The models of a folder: what clients can name, choose and delete.
import { readdir, realpath, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../errors.js';
import { isModelFile, modelFileOf } from './model-name.js';
import { isInside } from './paths.js';
import { makeTemporaryFolder, removeTemporaryFolder } from './temporary-folder.js';

/** Beside a model: what describes it. Whoever places another model of the name must not get that description. */
const sidecarEnding = '.yaml';

export interface ModelFile {
  /** As the folder has it. */
  readonly name: string;
  /** With links resolved. */
  readonly path: string;
}

/** Names of the models in `folder`, an absolute real path, composed (NFC); a folder that has gone holds none. */
export async function listModels(folder: string): Promise<string[]> {
  const files = await Promise.all((await namesIn(folder)).map((name) => modelFile(folder, name)));
  return files.flatMap((file) => (file === null ? [] : [file.name.normalize('NFC')])).sort();
}

/** The model that a client names so; null where there is none. */
export async function findModel(folder: string, name: string): Promise<ModelFile | null> {
  const wanted = modelFileOf(name);
  for (const each of await namesIn(folder)) {
    if (each.normalize('NFC') !== wanted) continue;
    const file = await modelFile(folder, each);
    if (file !== null) return file;
  }
  return null;
}

/** Removes a model and what describes it. Rejects where the system does not allow it: then both are still there. */
export async function deleteModel(folder: string, { name }: ModelFile): Promise<void> {
  const path = join(folder, name);
  // Hidden, so no model any more. A model that cannot be moved, as one that is mounted, keeps what describes it.
  const hidden = await makeTemporaryFolder(folder);
  try {
    await rename(path, join(hidden, name));
    await unlink(join(folder, name.replace(/\.onnx$/, sidecarEnding))).catch(async (error: unknown) => {
      if (codeOf(error) === 'ENOENT') return;
      await rename(join(hidden, name), path);
      throw error;
    });
  } finally {
    await removeTemporaryFolder(hidden);
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter(isModelFile);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

/** A file, or a link to one, as volumes are mounted, that does not lead out of the folder. */
async function modelFile(folder: string, name: string): Promise<ModelFile | null> {
  try {
    const path = await realpath(join(folder, name));
    return isInside(folder, path) && (await stat(path)).isFile() ? { name, path } : null;
  } catch {
    // It has gone meanwhile, or leads nowhere.
    return null;
  }
}
