// 0x22 names the model that serves, 0x24 lists those in the model folder, 0x26 changes to another, 0x28 deletes one.
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { PearDetector } from '../detector/pear-detector.js';
import { errorCodes, NotPermittedError } from '../errors.js';
import type { ResponseItem } from '../protocol/reply.js';
import { BaseHandler, failure, noArguments, success } from './base-handler.js';
import { defineCommand } from './command.js';
import type { Folders } from './folders.js';
import { isModelFile, modelFileOf, modelNameForm, modelNameSchema } from './model-name.js';

export class ModelHandler extends BaseHandler {
  readonly #detector: PearDetector;
  readonly #folders: Folders;
  readonly commands;

  constructor(detector: PearDetector, folders: Folders) {
    super();
    this.#detector = detector;
    this.#folders = folders;
    const oneName = { args: z.tuple([modelNameSchema]), maxArguments: 1, expected: `[${modelNameForm}]` };
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
      defineCommand({
        code: 0x26,
        name: 'change model',
        role: 'admin',
        order: 'barrier',
        ...oneName,
        run: async ([name]) => [await this.#change(name)],
      }),
      defineCommand({
        code: 0x28,
        name: 'delete model',
        role: 'admin',
        order: 'barrier',
        ...oneName,
        run: async ([name]) => [await this.#delete(name)],
      }),
    ];
  }

  async #list(): Promise<readonly ResponseItem[]> {
    const names = (await this.#files()).sort();
    return names.length > 0 ? names.map(success) : [failure(null, errorCodes.resourceNotFound)];
  }

  async #change(name: string): Promise<ResponseItem> {
    if (this.#serves(name)) return success(name);
    if (await this.#isThere(name)) {
      throw new NotPermittedError(
        'change model: not while the server runs; set model.model_path and restart it',
      );
    }
    return failure(name, errorCodes.resourceNotFound);
  }

  async #delete(name: string): Promise<ResponseItem> {
    // The Python server's code for a model in use.
    if (this.#serves(name)) return failure(name, errorCodes.invalidMessage);
    if (await this.#isThere(name)) {
      throw new NotPermittedError('delete model: not through the server; remove the file on its machine');
    }
    return failure(name, errorCodes.resourceNotFound);
  }

  #serves(name: string): boolean {
    return modelFileOf(name) === this.#detector.model.name.normalize('NFC');
  }

  async #isThere(name: string): Promise<boolean> {
    return (await this.#files()).some((file) => file.normalize('NFC') === modelFileOf(name));
  }

  /** Models in the folder: files and links to files, as volumes are mounted; a folder that has gone holds none. */
  async #files(): Promise<string[]> {
    const folder = this.#folders.models.path;
    try {
      const names = (await readdir(folder)).filter(isModelFile);
      const stats = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => null)));
      return names.filter((_, index) => stats[index]?.isFile());
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    }
  }
}
