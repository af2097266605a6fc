// The folders and the model that the configuration names, found before anything is started with them.
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../config/schema.js';
import { StartupError } from '../errors.js';
import { findFolder } from '../settings/folder.js';
import type { Folder, Settings } from '../settings/settings.js';

/** Relative paths are relative to the working directory. Throws StartupError for what is not there. */
export async function configuredSettings(model: Config['model']): Promise<Settings> {
  await assertReadable('model.model_path', model.model_path);
  if (model.preprocessor_path !== null)
    await assertReadable('model.preprocessor_path', model.preprocessor_path);
  return {
    version: 0,
    modelPath: model.model_path,
    fingerprint: null,
    images: await openFolder('model.img_path', model.img_path),
    models: await openFolder('model.model_path', dirname(model.model_path)),
  };
}

async function assertReadable(key: string, path: string): Promise<void> {
  await access(path, constants.R_OK).catch((cause: unknown) => {
    throw new StartupError(
      `the model ${path} is not there or cannot be read`,
      `set ${key} to an ONNX file that the server may read`,
      { cause },
    );
  });
}

async function openFolder(key: string, name: string): Promise<Folder> {
  try {
    return await findFolder(name);
  } catch (cause) {
    throw new StartupError(
      `the folder ${name} (${key}) is not there or cannot be read`,
      `create it, or correct ${key}`,
      {
        cause,
      },
    );
  }
}
