// 0x40 lists the connections of the whole cluster, 0x42 disconnects some, 0x44 tells how it is doing.
import { z } from 'zod';
import type { KickAnswer, Kicker } from '../connections/kick.js';
import { peerFilterSchema } from '../connections/record.js';
import type { ConnectionsReader, PeerQuery, WorkersPage } from '../connections/store.js';
import { errorCodes } from '../errors.js';
import type { JsonValue } from '../protocol/json.js';
import type { ResponseItem } from '../protocol/reply.js';
import { BaseHandler, failure, noArguments, success } from './base-handler.js';
import { defineCommand } from './command.js';
import { textArgument } from './text-argument.js';

/** What 0x44 tells beside what the workers report. */
export interface ServerFacts {
  readonly version: string;
  readonly modelName: () => string;
  readonly startedAt: number;
  readonly store: 'redis' | 'embedded' | 'none';
}

const listLimitDefault = 1000;
const listLimitMax = 100_000;

const disconnectMax = 1000;
const peerIdLengthMax = 256;

const listQuery = peerFilterSchema.extend({
  limit: z.int().min(1).max(listLimitMax).default(listLimitDefault),
  cursor: z.string().nullable().default(null),
});

export class ConnectionHandler extends BaseHandler {
  readonly #view: ConnectionsReader;
  readonly #facts: ServerFacts;
  readonly commands;

  constructor(view: ConnectionsReader, kicker: Kicker, facts: ServerFacts) {
    super();
    this.#view = view;
    this.#facts = facts;
    this.commands = [
      defineCommand({
        code: 0x40,
        name: 'list connections',
        role: 'admin',
        order: 'read',
        args: z.array(listQuery),
        maxArguments: 1,
        expected:
          'empty, null, or one object with any of id, host, worker, address, identity, state, ' +
          `limit (1 to ${listLimitMax}), cursor`,
        run: ([query]) => {
          const { limit, cursor, ...filter } = query ?? listQuery.parse({});
          return this.#list({ filter, limit, cursor });
        },
      }),
      defineCommand({
        code: 0x42,
        name: 'disconnect peers',
        role: 'admin',
        order: 'read',
        args: z.array(textArgument(peerIdLengthMax)).min(1),
        maxArguments: disconnectMax,
        expected: `1 to ${disconnectMax} ids of connections`,
        run: async (ids, { name }) => (await kicker.kick(ids, name)).map(kickItem),
      }),
      defineCommand({
        code: 0x44,
        name: 'server status',
        role: 'viewer',
        order: 'read',
        args: noArguments,
        expected: 'empty or null',
        run: async () => [item(status(await this.#view.workers(), this.#facts))],
      }),
    ];
  }

  async #list(query: PeerQuery): Promise<readonly ResponseItem[]> {
    const { peers, cursor, unread, scope } = await this.#view.list(query);
    const more: Readonly<Record<string, JsonValue>> = {
      ...(cursor === null ? {} : { cursor }),
      ...(unread.length === 0 ? {} : { unread }),
      // With Redis a list covers all hosts, unless that is away.
      ...(this.#facts.store === 'redis' && scope === 'this host' ? { scope } : {}),
    };
    return Object.keys(more).length === 0 ? peers.map(item) : [...peers.map(item), item(more)];
  }
}

function item(result: JsonValue): ResponseItem {
  return { file_name: null, result, error_code: errorCodes.noError };
}

/** Whether a peer that nobody answered for is still there cannot be told, so it is not `not found`. */
function kickItem({ id, outcome }: KickAnswer): ResponseItem {
  switch (outcome) {
    case 'kicked':
      return success(id);
    case 'not found':
      return failure(id, errorCodes.resourceNotFound);
    case 'owner unreachable':
    case 'no answer':
      return { ...failure(id, errorCodes.internalError), message: outcome };
    default:
      return outcome satisfies never;
  }
}

function status({ workers, unread, scope }: WorkersPage, facts: ServerFacts): JsonValue {
  const sum = (key: 'peers' | 'queued' | 'in_flight' | 'images_per_second') =>
    workers.reduce((total, { record }) => total + record[key], 0);
  const hosts = [...new Set(workers.map(({ record }) => record.host))].sort();
  return {
    version: facts.version,
    model: facts.modelName(),
    uptime_s: Math.round((Date.now() - facts.startedAt) / 1000),
    peers: sum('peers'),
    queued: sum('queued'),
    in_flight: sum('in_flight'),
    images_per_second: Number(sum('images_per_second').toFixed(2)),
    store: facts.store,
    scope,
    unread,
    hosts: hosts.map((host) => ({
      host,
      workers: workers
        .filter(({ record }) => record.host === host)
        .map(({ record, ageMs }) => ({
          worker: record.worker,
          pid: record.pid,
          state: record.state,
          peers: record.peers,
          queued: record.queued,
          in_flight: record.in_flight,
          requests: record.requests,
          images: record.images,
          errors: record.errors,
          age_ms: ageMs,
        })),
    })),
  };
}
