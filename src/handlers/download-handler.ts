// 0x20 asks the server to fetch a model into its folder.
import { z } from 'zod';
import type { Changer } from '../settings/change.js';
import { BaseHandler } from './base-handler.js';
import { changed } from './changed.js';
import { defineCommand } from './command.js';
import { modelNameSchema } from './model-name.js';
import { textArgument } from './text-argument.js';

const urlLengthMax = 2048;
const modelUrl = textArgument(urlLengthMax).transform((text, context) => {
  const name = modelNameSchema.safeParse(lastSegment(text));
  if (name.success) return { name: name.data, url: text };
  context.addIssue({ code: 'custom', message: 'not the URL of a model' });
  return z.NEVER;
});
const sha256 = z.string().regex(/^[0-9a-f]{64}$/i);

export class DownloadHandler extends BaseHandler {
  readonly commands;

  constructor(changer: Changer) {
    super();
    this.commands = [
      defineCommand({
        code: 0x20,
        name: 'download model',
        role: 'admin',
        order: 'barrier',
        args: z.union([z.tuple([modelUrl]), z.tuple([modelUrl, sha256])]),
        maxArguments: 2,
        expected: '[an http or https URL of a model], and optionally its SHA-256 in hex behind it',
        run: async ([{ name, url }, sha256 = null], { name: by }) => [
          await changed(changer, { what: 'download', name, url, sha256 }, by),
        ],
      }),
    ];
  }
}

/** The decoded last part of the path of an http or https URL; null where there is none. */
function lastSegment(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const { protocol, pathname } = new URL(text);
  if (protocol !== 'https:' && protocol !== 'http:') return null;
  try {
    return decodeURIComponent(pathname.slice(pathname.lastIndexOf('/') + 1));
  } catch {
    return null;
  }
}
