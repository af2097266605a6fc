// 0x32 names the image folder, 0x36 the model folder; 0x30 and 0x34 change them.
import { z } from 'zod';
import type { Changer } from '../settings/change.js';
import type { CurrentSettings } from '../settings/settings.js';
import { BaseHandler, noArguments, success } from './base-handler.js';
import { changed } from './changed.js';
import { defineCommand } from './command.js';
import { textArgument } from './text-argument.js';

/** As long as Linux lets a path be (PATH_MAX). */
const pathLengthMax = 4096;
const folderName = textArgument(pathLengthMax, (name) => !name.includes('\0'));

export class DirectoryHandler extends BaseHandler {
  readonly commands;

  constructor(settings: CurrentSettings, changer: Changer) {
    super();
    const current = (code: number, name: string, folder: 'images' | 'models') =>
      defineCommand({
        code,
        name,
        role: 'viewer',
        order: 'read',
        args: noArguments,
        expected: 'empty or null',
        run: () => Promise.resolve([success(settings.current[folder].name)]),
      });
    const change = (code: number, what: 'image folder' | 'model folder') =>
      defineCommand({
        code,
        name: `change ${what}`,
        role: 'admin',
        order: 'barrier',
        args: z.tuple([folderName]),
        maxArguments: 1,
        expected: `[a folder], a text of 1 to ${pathLengthMax} characters`,
        run: async ([name], { name: by }) => [await changed(changer, { what, name }, by)],
      });
    this.commands = [
      change(0x30, 'image folder'),
      current(0x32, 'current image folder', 'images'),
      change(0x34, 'model folder'),
      current(0x36, 'current model folder', 'models'),
    ];
  }
}
