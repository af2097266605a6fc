// 0x32 names the image folder, 0x36 the model folder.
import { BaseHandler, noArguments, success } from './base-handler.js';
import { defineCommand } from './command.js';
import type { Folders } from './folders.js';

export class DirectoryHandler extends BaseHandler {
  readonly commands;

  constructor(folders: Folders) {
    super();
    const current = (code: number, name: string, folderName: () => string) =>
      defineCommand({
        code,
        name,
        role: 'viewer',
        order: 'read',
        args: noArguments,
        expected: 'empty or null',
        run: () => Promise.resolve([success(folderName())]),
      });
    this.commands = [
      current(0x32, 'current image folder', () => folders.images.name),
      current(0x36, 'current model folder', () => folders.models.name),
    ];
  }
}
