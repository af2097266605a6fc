// 0x22 names the model that serves, 0x24 lists those in the model folder.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { PearDetector } from '../detector/pear-detector.js';
import { errorCodes } from '../errors.js';
import type { ResponseItem } from '../protocol/reply.js';
import { BaseHandler, noArguments, outcomes, success } from './base-handler.js';
import { defineCommand } from './command.js';
import type { Folders } from './folders.js';

/**
 * Letters and digits of any script, `._-+()` and inner spaces, 1 to 120 characters before the ending, no leading
 * dot. Names of another form are not offered, since no command would take them.
 */
const modelName = /^(?![. ])[\p{L}\p{M}\p{N}._\-+() ]{1,120}(?<! )\.onnx$/u;

export class ModelHandler extends BaseHandler {
  readonly #detector: PearDetector;
  readonly #folders: Folders;
  readonly commands;

  constructor(detector: PearDetector, folders: Folders) {
    super();
    this.#detector = detector;
    this.#folders = folders;
    this.commands = [
      defineCommand({
        code: 0x22,
        name: 'current model',
        role: 'viewer',
        order: 'read',
        args: noArguments,
        expected: 'empty or null',
        run: () => Promise.resolve([success(this.#detector.model.name)]),
      }),
      defineCommand({
        code: 0x24,
        name: 'list models',
        role: 'viewer',
        order: 'read',
        args: noArguments,
        expected: 'empty or null',
        run: () => this.#list(),
      }),
    ];
  }

  async #list(): Promise<readonly ResponseItem[]> {
    const names = (await this.#fileNames()).filter((name) => modelName.test(name.normalize('NFC'))).sort();
    if (names.length > 0) return names.map(success);
    return [{ file_name: null, result: outcomes.failure, error_code: errorCodes.resourceNotFound }];
  }

  /** Files and links to files, as volumes are mounted; a folder that has gone holds none. */
  async #fileNames(): Promise<string[]> {
    const folder = this.#folders.models.path;
    try {
      const names = await readdir(folder);
      const stats = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => null)));
      return names.filter((_, index) => stats[index]?.isFile());
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    }
  }
}
