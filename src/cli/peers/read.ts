// Asks a server for its connections (0x40) and for how its workers are doing (0x44).
import { z } from 'zod';
import type { PearClient } from '../../client/pear-client.js';
import { peerRecordSchema, type PeerFilter, type PeerRecord } from '../../connections/record.js';
import { scopes } from '../../connections/store.js';
import { InvalidMessageError, StartupError } from '../../errors.js';

const listCommand = 0x40;
const statusCommand = 0x44;
const pageSize = 1_000;

/** What a page may end with instead of a record. */
const endSchema = z.object({
  result: z.strictObject({
    cursor: z.string().optional(),
    unread: z.array(z.string()).default([]),
    scope: z.enum(scopes).optional(),
  }),
});
const peerSchema = z.object({ result: peerRecordSchema });

const statusSchema = z.object({
  result: z.object({
    store: z.string(),
    scope: z.enum(scopes),
    /** Workers that serve and have not reported themselves. */
    unread: z.array(z.string()),
    images_per_second: z.number(),
    hosts: z.array(
      z.object({
        host: z.string(),
        workers: z.array(
          z.object({
            worker: z.string(),
            state: z.string(),
            peers: z.number(),
            queued: z.number(),
            in_flight: z.number(),
            images: z.number(),
            age_ms: z.number(),
          }),
        ),
      }),
    ),
  }),
});
export type ServerStatus = z.output<typeof statusSchema>['result'];

export interface PeerList {
  readonly peers: readonly PeerRecord[];
  /** Workers whose part could not be read. */
  readonly unread: readonly string[];
  /** It ends where `rowsMax` ended it. */
  readonly isCut: boolean;
  /** It covers the asked host only. */
  readonly isThisHost: boolean;
  readonly status: ServerStatus;
}

/** Reads page after page, up to `rowsMax` records. */
export async function readPeers(client: PearClient, filter: PeerFilter, rowsMax: number): Promise<PeerList> {
  const { peers, unread, isCut, isThisHost } = await twice(() => readPages(client, filter, rowsMax));
  const [answer] = await client.request(statusCommand);
  const status = statusSchema.parse(answer).result;
  return {
    peers,
    unread: [...new Set([...unread, ...status.unread])],
    isCut,
    isThisHost: isThisHost || status.scope === 'this host',
    status,
  };
}

/** A page was refused to which the server itself had given the cursor: the list lies elsewhere since then. */
export class ListMovedError extends StartupError {
  constructor(cause: unknown) {
    super('Redis goes and comes while the list is read', 'try again', { cause });
  }
}

/** A list that moved while it was read is read anew, once. */
export async function twice<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ListMovedError)) throw error;
    return read();
  }
}

async function readPages(client: PearClient, filter: PeerFilter, rowsMax: number) {
  const peers = new Map<string, PeerRecord>();
  const unread = new Set<string>();
  let isThisHost = false;
  let cursor: string | null = null;
  do {
    const limit = Math.min(pageSize, rowsMax - peers.size);
    const page = client.request(listCommand, [{ ...filter, limit, ...(cursor === null ? {} : { cursor }) }]);
    const isFirst = cursor === null;
    const items = await page.catch((error: unknown) => {
      throw error instanceof InvalidMessageError && !isFirst ? new ListMovedError(error) : error;
    });
    const end = endSchema.safeParse(items.at(-1)).data?.result;
    cursor = end?.cursor ?? null;
    for (const worker of end?.unread ?? []) unread.add(worker);
    isThisHost ||= end?.scope === 'this host';
    // A peer that changes between two pages may stand on both.
    for (const item of end === undefined ? items : items.slice(0, -1)) {
      const { result } = peerSchema.parse(item);
      peers.set(result.id, result);
    }
  } while (cursor !== null && peers.size < rowsMax);
  return { peers: [...peers.values()], unread: [...unread], isCut: cursor !== null, isThisHost };
}
