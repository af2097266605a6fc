// `pear peers --closed`: the last connections that closed, latest first, as the admin HTTP tells them.
import { z } from 'zod';
import { closedPeerSchema, type ClosedPeer } from '../../connections/record.js';
import { inOrderOf } from '../../connections/sort.js';
import { scopes } from '../../connections/store.js';
import { adminTarget, AdminHttpError, askJson } from '../admin-http.js';
import { fittedTable, printableJson } from '../fitted-table.js';
import { clock, plural } from '../times.js';
import type { Call } from '../tool.js';
import { closedColumns } from './columns.js';
import { filterOf, widthOf, type PeersOptions } from './options.js';
import { ListMovedError, twice } from './read.js';

const limitDefault = 100;
const pageSize = 1_000;

const pageSchema = z.object({
  closed: z.array(closedPeerSchema),
  cursor: z.string().nullable(),
  since: z.number().nullable(),
  scope: z.enum(scopes),
});
type Page = z.output<typeof pageSchema>;

export async function printClosed(call: Call<PeersOptions>): Promise<number> {
  const { options, out } = call;
  const { rows, page } = await twice(() => read(call, options.limit ?? limitDefault));
  const { sort } = options;
  if (sort !== undefined) {
    const order = inOrderOf(sort);
    rows.sort((a, b) => order(a.peer, b.peer));
  }
  if (options.json) {
    out.write(`${printableJson(rows, 2)}\n`);
    return 0;
  }
  out.write(
    [...fittedTable(closedColumns, rows, widthOf(out)), '', ...endLines(rows, page)].join('\n') + '\n',
  );
  return 0;
}

async function read(call: Call<PeersOptions>, limit: number) {
  const { config, options } = call;
  const target = adminTarget(config, options);
  const rows: ClosedPeer[] = [];
  let page: Page;
  let cursor: string | null = null;
  do {
    const size = Math.min(pageSize, limit - rows.length);
    const query = new URLSearchParams({ limit: String(size) });
    for (const [key, value] of Object.entries(filterOf(options))) query.set(key, value ?? '');
    if (cursor !== null) query.set('cursor', cursor);
    const isFirst = cursor === null;
    page = await askJson(target, `/api/closed?${query.toString()}`, pageSchema).catch((error: unknown) => {
      const isMoved = error instanceof AdminHttpError && error.status === 400 && !isFirst;
      throw isMoved ? new ListMovedError(error) : error;
    });
    cursor = page.cursor;
    rows.push(...page.closed);
  } while (cursor !== null && rows.length < limit);
  return { rows, page };
}

function endLines(rows: readonly ClosedPeer[], { cursor, since, scope }: Page): string[] {
  const known = since === null ? 'nothing has closed yet that is known' : `known since ${clock(since)}`;
  return [
    `${plural(rows.length, 'connection')} that closed; ${known}${scope === 'this host' ? ', of this host only' : ''}`,
    ...(cursor === null ? [] : [`there are earlier ones; --limit ${rows.length * 10} shows more`]),
  ];
}
