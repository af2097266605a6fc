// 0x22 names the model that serves, 0x24 lists those in the model folder.
import { readdir } from 'node:fs/promises';
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
    // A folder that has gone holds no models; which one it was is for the log of who removed it.
    const entries = await readdir(this.#folders.models.path, { withFileTypes: true }).catch(() => []);
    const names = entries
      .filter((entry) => entry.isFile() && modelName.test(entry.name.normalize('NFC')))
      .map((entry) => entry.name)
      .sort();
    if (names.length > 0) return names.map(success);
    return [{ file_name: null, result: outcomes.failure, error_code: errorCodes.resourceNotFound }];
  }
}
