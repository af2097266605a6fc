// 0x32 names the image folder, 0x36 the model folder; 0x30 and 0x34 change them.
import { realpath } from 'node:fs/promises';
import { z } from 'zod';
import { errorCodes } from '../errors.js';
import type { ResponseItem } from '../protocol/reply.js';
import { BaseHandler, failure, noArguments, success } from './base-handler.js';
import { defineCommand } from './command.js';
import type { Folder, Folders } from './folders.js';
import { textArgument } from './text-argument.js';

/** As long as Linux lets a path be (PATH_MAX). */
const pathLengthMax = 4096;
const folderName = textArgument(pathLengthMax, (name) => !name.includes('\0'));

export class DirectoryHandler extends BaseHandler {
  readonly commands;

  constructor(folders: Folders) {
    super();
    const current = (code: number, name: string, folder: () => Folder) =>
      defineCommand({
        code,
        name,
        role: 'viewer',
        order: 'read',
        args: noArguments,
        expected: 'empty or null',
        run: () => Promise.resolve([success(folder().name)]),
      });
    const change = (code: number, name: string, folder: () => Folder) =>
      defineCommand({
        code,
        name,
        role: 'admin',
        order: 'barrier',
        args: z.tuple([folderName]),
        maxArguments: 1,
        expected: `[a folder], a text of 1 to ${pathLengthMax} characters`,
        run: async ([wanted]) => [await changeTo(wanted, folder())],
      });
    this.commands = [
      change(0x30, 'change image folder', () => folders.images),
      current(0x32, 'current image folder', () => folders.images),
      change(0x34, 'change model folder', () => folders.models),
      current(0x36, 'current model folder', () => folders.models),
    ];
  }
}

/** Only the folder that serves is allowed; what is not allowed looks like what is not there. */
async function changeTo(wanted: string, current: Folder): Promise<ResponseItem> {
  const path = await realpath(wanted).catch(() => null);
  return path === current.path ? success(wanted) : failure(wanted, errorCodes.resourceNotFound);
}
