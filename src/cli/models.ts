// `pear models`: the models in the server's model folder, the one that serves marked.
import type { PearClient } from '../client/pear-client.js';
import { table } from './table.js';

export async function models(client: PearClient, json: boolean, out: NodeJS.WritableStream): Promise<number> {
  const names = async (cmd: number) =>
    (await client.request(cmd)).map((item) => item['file_name']).filter((name) => typeof name === 'string');
  const [current = null] = await names(0x22);
  const all = await names(0x24);
  const rows = all.map((name) => [name === current ? '*' : '', name]);
  out.write(json ? `${JSON.stringify({ current, models: all }, null, 2)}\n` : table(['', 'model'], rows));
  return 0;
}
