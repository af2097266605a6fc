// The two views under test, each behind the same face.
import { EmbeddedStore } from '#src/connections/embedded-store.js';
import { EmbeddedView } from '#src/connections/embedded-view.js';
import { closeReasonSchema, peerRecordSchema } from '#src/connections/record.js';
import { RedisReaper } from '#src/connections/redis/reaper.js';
import { RedisStore } from '#src/connections/redis/store.js';
import { viewReplySchema, viewRequestSchema } from '#src/connections/view-messages.js';
import { redis as redisSchema } from '#src/config/redis-schema.js';
import type { RedisAccess, RedisSettings } from '#src/connections/choose-store.js';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { RedisServer } from '../support/redis-server.js';
import type { ViewFactory } from './contract.js';

/** A view in memory; requests and replies pass through JSON and their schemas, as they do over IPC. */
export const createEmbeddedView: ViewFactory = ({ leaseMs }) => {
  const view = new EmbeddedView({ leaseMs });
  return Promise.resolve({
    store: (workerId) =>
      new EmbeddedStore(
        {
          request: async (message) => {
            const request = viewRequestSchema.parse(overIpc(message));
            await Promise.resolve();
            return viewReplySchema.parse(overIpc(view.handle(workerId, request)));
          },
        },
        { requestTimeoutMs: 1_000 },
      ),
    reaper: view,
    closed: async () => {
      const { closed } = await view.closed({ filter: {}, limit: 20_000, cursor: null });
      return closed.toReversed();
    },
    dispose: () => view.close(),
  });
};

/** A view in a real Redis, under a prefix of its own; `changes`: how it is reached, where not as usual. */
export function redisViewFactory(
  server: () => RedisServer,
  changes: () => Partial<RedisSettings> = () => ({}),
): ViewFactory {
  return ({ leaseMs }) => {
    const keyPrefix = `pear:${randomUUID()}:`;
    const settings = { ...redisSettings(server()), leaseMs, keyPrefix, ...changes() };
    const stores: RedisStore[] = [];
    const reaper = new RedisReaper(settings, failOnTrouble);
    return Promise.resolve({
      store: () => {
        const store = new RedisStore(settings, failOnTrouble);
        stores.push(store);
        return store;
      },
      reaper,
      closed: () => readClosed(server(), `${settings.keyPrefix}closed`),
      dispose: async () => {
        await Promise.all([...stores.map((store) => store.close()), reaper.close()]);
      },
    });
  };
}

export function redisSettings({ url }: { readonly url: string }): RedisSettings {
  return {
    url,
    access: redisAccess({}),
    clientName: 'pear:test:0',
    keyPrefix: 'pear:',
    commandTimeoutMs: 2_000,
    leaseMs: 60_000,
    removalGraceMs: 0,
    keyTtlMs: 90_000,
  };
}

/** As a configuration says it with these keys below connections.redis. */
export function redisAccess(keys: z.input<typeof redisSchema>): RedisAccess {
  return redisSchema.parse(keys);
}

const streamReply = z.array(z.tuple([z.string(), z.array(z.string())]));
const closedRow = z.object({
  id: z.string(),
  reason: closeReasonSchema,
  closed_at: z.coerce.number(),
  peer: z.string(),
});

/** The history of closed peers, read as an operator's script would. */
async function readClosed(server: RedisServer, key: string) {
  return (await readStream(server, key)).map((fields) => {
    const row = closedRow.parse(fields);
    const peer = peerRecordSchema.parse(JSON.parse(row.peer));
    return { peer, reason: row.reason, closed_at: row.closed_at };
  });
}

/** The entries of a stream, oldest first, each as its fields. */
export async function readStream(server: RedisServer, key: string): Promise<Record<string, string>[]> {
  const printed = await server.cli('--json', 'XRANGE', key, '-', '+');
  return streamReply.parse(JSON.parse(printed)).map(([, flat]) => {
    const pairs = flat.flatMap((value, index) => (index % 2 === 0 ? [[value, flat[index + 1] ?? '']] : []));
    return Object.fromEntries<string>(pairs.map(([field = '', value = '']) => [field, value]));
  });
}

function overIpc(message: unknown): unknown {
  return JSON.parse(JSON.stringify(message));
}

function failOnTrouble(message: string): void {
  throw new Error(`trouble where none was expected: ${message}`);
}
