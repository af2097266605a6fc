// `pear peers`: every connection of every worker and host, once or live; or the last that closed.
import type { PeerFilter, PeerRecord } from '../../connections/record.js';
import { StartupError } from '../../errors.js';
import { fittedTable, printableJson } from '../fitted-table.js';
import { withClient } from '../target.js';
import { defineTool, type Call } from '../tool.js';
import { printClosed } from './closed.js';
import { peerColumns } from './columns.js';
import { filterOf, options, rowsMax, rowsToRead, shownOf, widthOf, type PeersOptions } from './options.js';
import { readPeers, type PeerList } from './read.js';
import { countLine, totalsTable, warnings } from './summary.js';
import { watch } from './watch.js';

export const peersTool = defineTool({
  name: 'peers',
  takes: '',
  summary: 'list every connection of every worker and host',
  options,
  hints: `for: since it connected; idle: since it last sent something; now: images asked for and not answered;
ms and last: of the latest verdict. Columns that do not fit the terminal are left out; --json has them all.`,
  run,
});

async function run(call: Call<PeersOptions>): Promise<number> {
  const { options: chosen, out } = call;
  if (chosen.watch && chosen.closed)
    throw new StartupError('pear peers: --watch and --closed do not go together', 'give one of them');
  if (chosen.closed) return printClosed(call);
  if (chosen.watch) return watch(call);
  const list = await withClient(call, (client) =>
    readPeers(client, filterOf(chosen), rowsToRead(chosen, rowsMax)),
  );
  const peers = shownOf(list.peers, chosen);
  if (chosen.json) {
    out.write(`${printableJson(peers, 2)}\n`);
    for (const line of warnings(list)) process.stderr.write(`${line}\n`);
    return 0;
  }
  const width = widthOf(out);
  out.write(linesOf(list, peers, filterOf(chosen), width).join('\n') + '\n');
  return 0;
}

function linesOf(
  list: PeerList,
  peers: readonly PeerRecord[],
  filter: PeerFilter,
  width: number,
): readonly string[] {
  return [
    ...fittedTable(peerColumns(Date.now()), peers, width),
    '',
    ...totalsTable(list, filter, width),
    '',
    ...warnings(list),
    countLine(list, peers.length),
  ];
}
