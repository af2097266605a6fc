// `pear models`: the models in the server's model folder, the one that serves marked.
import { z } from 'zod';
import type { PearClient } from '../client/pear-client.js';
import { printableJson } from './fitted-table.js';
import { flag } from './option-values.js';
import { table } from './table.js';
import { withClient } from './target.js';
import { connectOption, defineTool } from './tool.js';

export const modelsTool = defineTool({
  name: 'models',
  takes: '',
  summary: "list the server's models, the one that serves marked",
  options: z.strictObject({ json: flag('print JSON instead of a table'), ...connectOption }),
  run: (call) => withClient(call, (client) => models(client, call.options.json, call.out)),
});

async function models(client: PearClient, json: boolean, out: NodeJS.WritableStream): Promise<number> {
  const names = async (cmd: number) =>
    (await client.request(cmd)).map((item) => item['file_name']).filter((name) => typeof name === 'string');
  const [current = null] = await names(0x22);
  const all = await names(0x24);
  const rows = all.map((name) => [name === current ? '*' : '', name]);
  out.write(json ? `${printableJson({ current, models: all }, 2)}\n` : table(['', 'model'], rows));
  return 0;
}
