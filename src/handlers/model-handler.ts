// 0x22 names the model that serves, 0x24 lists those in the model folder, 0x26 changes to another, 0x28 deletes one.
import { z } from 'zod';
import type { PearDetector } from '../detector/pear-detector.js';
import { errorCodes } from '../errors.js';
import type { ResponseItem } from '../protocol/reply.js';
import type { Changer } from '../settings/change.js';
import { ModelLister } from '../settings/model-lister.js';
import type { CurrentSettings } from '../settings/settings.js';
import { BaseHandler, failure, noArguments, success } from './base-handler.js';
import { defineCommand } from './command.js';
import { changed } from './changed.js';
import { modelNameForm, modelNameSchema } from './model-name.js';

/** Longest time for listing a folder: a share that is gone may never answer. */
const listTimeoutMs = 5_000;

export class ModelHandler extends BaseHandler {
  readonly #settings: CurrentSettings;
  readonly #lister = new ModelLister(listTimeoutMs);
  readonly commands;

  constructor(detector: Pick<PearDetector, 'model'>, settings: CurrentSettings, changer: Changer) {
    super();
    this.#settings = settings;
    const oneName = { args: z.tuple([modelNameSchema]), maxArguments: 1, expected: `[${modelNameForm}]` };
    this.commands = [
      defineCommand({
        code: 0x22,
        name: 'current model',
        role: 'viewer',
        order: 'read',
        args: noArguments,
        expected: 'empty or null',
        run: () => Promise.resolve([success(detector.model.name)]),
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
        run: async ([name], { name: by }) => [await changed(changer, { what: 'model', name }, by)],
      }),
      defineCommand({
        code: 0x28,
        name: 'delete model',
        role: 'admin',
        order: 'barrier',
        ...oneName,
        run: async ([name], { name: by }) => [await changed(changer, { what: 'delete model', name }, by)],
      }),
    ];
  }

  async #list(): Promise<readonly ResponseItem[]> {
    const names = await this.#lister.list(() => this.#settings.current.models.path);
    return names.length > 0 ? names.map(success) : [failure(null, errorCodes.resourceNotFound)];
  }
}
