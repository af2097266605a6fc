// Whether the view of connections is what the kernel says.
import { z } from 'zod';
import { peerRecordSchema } from '#src/connections/record.js';
import { request } from '../support/replies.js';
import { Wire } from '../support/wire.js';
import { kernelConnections } from './kernel.js';

const listCommand = 0x40;
const pageSize = 500;

/** Whoever looks comes from here, and is not looked at: it comes and goes with each look. */
const ownAddress = '127.0.0.250';

const endSchema = z.object({ cursor: z.string().nullish(), scope: z.string().optional() });
const replySchema = z.object({
  response_data: z.array(z.object({ result: z.union([peerRecordSchema, endSchema]) })),
});

/** A server: its name in the view, and where it listens. */
export interface Place {
  readonly hostId: string;
  readonly port: number;
}

export interface Difference {
  /** In the view, and no connection of the kernel. */
  readonly ghosts: readonly string[];
  /** A connection of the kernel, and not in the view. */
  readonly missing: readonly string[];
  /** The ids of those that are in both. */
  readonly ids: readonly string[];
}

/**
 * Each as `host address:port`; `askedPort`: whose view. Nobody may come or go meanwhile. Rejects where the view cannot be
 * read, or is not of all hosts.
 */
export async function compare(places: readonly Place[], askedPort: number): Promise<Difference> {
  const view = await readView(askedPort);
  const kernel = new Set<string>();
  for (const { hostId, port } of places) {
    for (const other of await kernelConnections(port)) {
      if (!other.startsWith(`${ownAddress}:`)) kernel.add(`${hostId} ${other}`);
    }
  }
  return {
    ghosts: [...view.keys()].filter((each) => !kernel.has(each)),
    missing: [...kernel].filter((each) => !view.has(each)),
    ids: [...view].flatMap(([each, id]) => (kernel.has(each) ? [id] : [])),
  };
}

/** `host address:port` → id. */
async function readView(port: number): Promise<ReadonlyMap<string, string>> {
  const wire = await Wire.open(port, ownAddress);
  try {
    const found = new Map<string, string>();
    let cursor: string | null = null;
    do {
      const query = { limit: pageSize, ...(cursor === null ? {} : { cursor }) };
      const answer = await wire.ask(request(listCommand, [query]));
      const reply = replySchema.safeParse(JSON.parse(answer)).data;
      if (reply === undefined) throw new Error(`the view cannot be read: ${answer.slice(0, 200)}`);
      cursor = null;
      for (const { result } of reply.response_data) {
        if ('id' in result) {
          if (result.address !== ownAddress)
            found.set(`${result.host} ${result.address}:${result.port}`, result.id);
          continue;
        }
        if (result.scope === 'this host') throw new Error('the view reaches this host only');
        cursor = result.cursor ?? null;
      }
    } while (cursor !== null);
    return found;
  } finally {
    wire.close();
  }
}
