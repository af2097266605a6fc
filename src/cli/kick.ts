// `pear kick`: disconnects connections, by their ids or all from an address.
import { z } from 'zod';
import type { PearClient, ReplyItem } from '../client/pear-client.js';
import { StartupError } from '../errors.js';
import { printable, printableJson } from './fitted-table.js';
import { flag, ipAddress } from './option-values.js';
import { readPeers } from './peers/read.js';
import { warnings } from './peers/summary.js';
import { withClient } from './target.js';
import { plural } from './times.js';
import { connectOption, defineTool, type Call } from './tool.js';

const kickCommand = 0x42;
/** The server takes no more in one request. */
const idsMax = 1_000;

const options = z.strictObject({
  address: ipAddress('all connections from this address, but for the one that this command uses'),
  json: flag('print JSON instead of lines'),
  ...connectOption,
});
type KickOptions = z.output<typeof options>;

export const kickTool = defineTool({
  name: 'kick',
  takes: 'ID…',
  summary: 'disconnect connections, of any host',
  options,
  hints: `The ids stand in the first column of pear peers. The exit code is 1 where one was not kicked, and where
--address could not see all connections.`,
  run: async (call) => {
    const { names } = call;
    const { address } = call.options;
    if (names.length === 0 && address === undefined) {
      throw new StartupError(
        'pear kick: nobody is named',
        'give ids, as pear peers shows them, or --address IP for all from there',
      );
    }
    if (names.length > 0 && address !== undefined)
      throw new StartupError('pear kick: ids and --address do not go together', 'give the ones or the other');
    return withClient(call, (client) => run(client, call));
  },
});

const answerSchema = z.object({
  file_name: z.string(),
  result: z.number(),
  error_code: z.number(),
  message: z.string().optional(),
});
type KickAnswer = z.output<typeof answerSchema>;

async function run(client: PearClient, { names, options: chosen, out }: Call<KickOptions>): Promise<number> {
  const { address, json } = chosen;
  const { ids, unseen } =
    address === undefined ? { ids: [...new Set(names)], unseen: [] } : await connectionsFrom(client, address);
  for (const line of unseen) process.stderr.write(`${printable(line)}\n`);
  if (address !== undefined && !json) {
    out.write(`from ${printable(address)}: ${plural(ids.length, 'connection')}\n`);
  }
  if (ids.length === 0) return 1;
  const answers: KickAnswer[] = [];
  for (let at = 0; at < ids.length; at += idsMax) {
    const items = await client.request(kickCommand, ids.slice(at, at + idsMax));
    const part = items.map((item: ReplyItem) => answerSchema.parse(item));
    if (!json) out.write(part.map(lineOf).join(''));
    answers.push(...part);
  }
  if (json) out.write(`${printableJson(answers.map(toJson), 2)}\n`);
  return unseen.length === 0 && answers.every(isKicked) ? 0 : 1;
}

/**
 * Without our own, through which the command goes. Behind a balancer the server may see us under another address, and
 * then none is ours for sure: to spare whoever has our port would spare a stranger.
 */
async function connectionsFrom(client: PearClient, from: string) {
  const list = await readPeers(client, { address: from }, Infinity);
  const { localAddress, localPort } = client;
  const others = list.peers.filter(({ address, port }) => port !== localPort || address !== localAddress);
  return { ids: others.map(({ id }) => id), unseen: warnings(list) };
}

function isKicked({ result }: KickAnswer): boolean {
  return result === 2;
}

function lineOf(answer: KickAnswer): string {
  return `${printable(`${answer.file_name}  ${outcomeOf(answer)}`)}\n`;
}

function toJson(answer: KickAnswer) {
  return { id: answer.file_name, outcome: outcomeOf(answer) };
}

function outcomeOf(answer: KickAnswer): string {
  if (isKicked(answer)) return 'kicked';
  return (
    answer.message ?? (answer.error_code === 2 ? 'not found' : `not kicked (error ${answer.error_code})`)
  );
}
