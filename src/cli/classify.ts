// `pear classify FILE…`: what the server says of these images, as a table. A file that is here is sent along; any
// other name is one in the server's image folder.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import type { ClassifiedImage, ClientImage, PearClient } from '../client/pear-client.js';
import { errorCodes, StartupError } from '../errors.js';
import { printableJson } from './fitted-table.js';
import { flag } from './option-values.js';
import { table } from './table.js';
import { judgingTimeoutMs, withClient } from './target.js';
import { connectOption, defineTool } from './tool.js';

export const classifyTool = defineTool({
  name: 'classify',
  takes: 'FILE…',
  summary: "judge images: files here, or names in the server's image folder",
  options: z.strictObject({ json: flag('print JSON instead of a table'), ...connectOption }),
  run: (call) =>
    withClient(call, (client) => classify(client, call.names, call.options.json, call.out), {
      answerTimeoutMs: judgingTimeoutMs(call.config.limits),
    }),
});

/** Requests under way at a time, an image each, so that no more than these are in memory. */
const pipelineDepth = 8;

/** Prints to `out`; resolves to the exit code: 0 where every image was judged. */
async function classify(
  client: PearClient,
  names: readonly string[],
  json: boolean,
  out: NodeJS.WritableStream,
): Promise<number> {
  if (names.length === 0)
    throw new StartupError('pear classify: no files are given', 'usage: pear classify FILE…');
  const items: ClassifiedImage[] = [];
  for (let at = 0; at < names.length; at += pipelineDepth) {
    const replies = names.slice(at, at + pipelineDepth).map(async (name) => {
      const image = await imageOf(name);
      return image === null ? [unreadable(name)] : client.classify([image], { detail: true });
    });
    for (const [index, reply] of (await Promise.all(replies)).entries()) {
      const name = names[at + index] ?? '';
      items.push(...reply.map((item) => ({ ...item, file_name: name })));
    }
  }
  out.write(json ? `${printableJson(items, 2)}\n` : asTable(items));
  return items.every((item) => item.error_code === errorCodes.noError) ? 0 : 1;
}

/** null: it is here and cannot be read, a folder for instance. */
async function imageOf(name: string): Promise<ClientImage | null> {
  if (!existsSync(name)) return name;
  try {
    return { fileName: basename(name), bytes: await readFile(name) };
  } catch {
    return null;
  }
}

function unreadable(name: string): ClassifiedImage {
  return { file_name: name, result: null, error_code: errorCodes.invalidImage };
}

function asTable(items: readonly ClassifiedImage[]): string {
  return table(
    ['file', 'verdict', 'result', 'confidence', 'box', 'ms'],
    items.map((item) => [
      item.file_name,
      item.error_code === 0 ? (item.label ?? 'no pear') : describeCode(item.error_code),
      item.result === null ? '-' : String(item.result),
      item.confidence?.toFixed(3) ?? '-',
      item.bbox?.map(Math.round).join(',') ?? '-',
      item.timing_ms?.total.toFixed(1) ?? '-',
    ]),
  );
}

/** `resourceNotFound` → `error 2, resource not found` */
function describeCode(code: number): string {
  const name = Object.entries(errorCodes).find(([, value]) => value === code)?.[0] ?? 'unknown';
  return `error ${code}, ${name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`;
}
