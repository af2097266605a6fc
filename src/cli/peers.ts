// `pear peers`: every connection of every worker and host, as a table or as JSON.
import { z } from 'zod';
import type { PearClient } from '../client/pear-client.js';
import { peerRecordSchema, type PeerRecord } from '../connections/record.js';
import { scopes } from '../connections/store.js';
import { table } from './table.js';

const listCommand = 0x40;
const pageSize = 1_000;
/** The item after the connections, where there is something to say of the list. */
const endSchema = z.object({
  result: z.strictObject({
    cursor: z.string().nullable().default(null),
    unread: z.array(z.string()).default([]),
    scope: z.enum(scopes).nullable().default(null),
  }),
});
const peerSchema = z.object({ result: peerRecordSchema });

export async function peers(client: PearClient, json: boolean, out: NodeJS.WritableStream): Promise<number> {
  const all = await readAll(client);
  all.sort((a, b) => a.worker.localeCompare(b.worker) || a.connected_at - b.connected_at);
  out.write(json ? `${JSON.stringify(all, null, 2)}\n` : asTable(all));
  return 0;
}

async function readAll(client: PearClient): Promise<PeerRecord[]> {
  const found = new Map<string, PeerRecord>();
  let cursor: string | null = null;
  do {
    const items = await client.request(listCommand, [
      { limit: pageSize, ...(cursor === null ? {} : { cursor }) },
    ]);
    const end = endSchema.safeParse(items.at(-1));
    cursor = end.success ? end.data.result.cursor : null;
    // A peer that changes between two pages may stand on both.
    for (const item of end.success ? items.slice(0, -1) : items) {
      const { result } = peerSchema.parse(item);
      found.set(result.id, result);
    }
  } while (cursor !== null);
  return [...found.values()];
}

function asTable(all: readonly PeerRecord[]): string {
  const workers = new Set(all.map(({ worker }) => worker)).size;
  const now = Date.now();
  const rows = all.map((peer) => [
    peer.id,
    peer.worker,
    `${peer.address}:${peer.port}`,
    peer.role,
    peer.state,
    duration(now - peer.connected_at),
    duration(now - peer.last_activity_at),
    String(peer.requests),
    String(peer.images),
    String(peer.errors),
    String(peer.in_flight),
    peer.last_result === null ? '-' : String(peer.last_result),
  ]);
  const header = [
    'peer',
    'worker',
    'address',
    'role',
    'state',
    'for',
    'idle',
    'requests',
    'images',
    'errors',
    'now',
    'last',
  ];
  return `${table(header, rows)}${all.length} connection${all.length === 1 ? '' : 's'} on ${workers} worker${workers === 1 ? '' : 's'}\n`;
}

function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${seconds % 60}s`;
  return `${Math.floor(seconds / 3600)}h${Math.floor((seconds % 3600) / 60)}m`;
}
