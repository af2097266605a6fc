// The models of a folder: what clients can name, choose and delete.
import { lstat, readdir, realpath, rename, stat, unlink } from 'node:fs/promises';
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

/**
 * Removes a model and what describes it. Rejects where the system does not allow it: then both are still there. Both are moved
 * out of sight first, what describes it before the model: whenever the server is killed, nothing describes another model.
 */
export async function deleteModel(folder: string, { name }: ModelFile): Promise<void> {
  const model = join(folder, name);
  const sidecar = join(folder, name.replace(/\.onnx$/, sidecarEnding));
  if (await isFolder(sidecar)) throw new Error(`${sidecar} is a folder, which describes no model`);
  const hidden = await makeTemporaryFolder(folder).catch((error: unknown) => {
    if (['ENOSPC', 'EDQUOT'].includes(codeOf(error) ?? '')) return null;
    throw error;
  });
  if (hidden === null) {
    // There is no room for a folder; what is deleted makes some.
    await ifThere(unlink(sidecar));
    await unlink(model);
    return;
  }
  const hiddenSidecar = join(hidden, 'sidecar');
  try {
    const isDescribed = await ifThere(rename(sidecar, hiddenSidecar));
    await rename(model, join(hidden, 'model')).catch(async (error: unknown) => {
      if (isDescribed) await rename(hiddenSidecar, sidecar);
      throw error;
    });
  } finally {
    // What stays there is out of sight, and the next start removes it.
    await removeTemporaryFolder(hidden).catch(() => undefined);
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null))?.isDirectory() ?? false;
}

/** False where there was no such file. */
async function ifThere(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
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
