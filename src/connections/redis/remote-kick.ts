// One request to other hosts to disconnect peers of theirs: published to the channel of each, the answers fetched from
// the list of the request. A call that waits for them (BLPOP) would hold up everything else on the connection.
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { KickOutcome } from '../kick.js';
import type { RedisConnection } from './connection.js';
import { controlReplySchema, readMessage, type ControlMessage } from './control-messages.js';
import { Inquiry } from './inquiry.js';
import type { RedisKeys } from './keys.js';
import { redisNow } from './redis-now.js';
import { parseReply } from './reply.js';

/** How often it is looked whether an answer has come. */
const pollIntervalMs = 20;
/** Answers taken in one call; more stay for the next one. */
const pollRepliesMax = 100;

const receiverCounts = z.array(z.number());
const polled = z.array(z.string()).nullable();

export interface RemoteKickOptions {
  readonly idsByHost: ReadonlyMap<string, readonly string[]>;
  readonly by: string;
  /** From now. */
  readonly limitMs: number;
  /** An answer was none; the reason, for the log. */
  readonly onWrong: (reason: string) => void;
}

export class RemoteKick {
  readonly #connection: RedisConnection;
  readonly #keys: RedisKeys;
  readonly #options: RemoteKickOptions;
  readonly #endsAt: number;
  readonly #id = randomUUID();
  readonly #inquiry: Inquiry;

  constructor(connection: RedisConnection, keys: RedisKeys, options: RemoteKickOptions) {
    this.#connection = connection;
    this.#keys = keys;
    this.#options = options;
    this.#endsAt = performance.now() + options.limitMs;
    this.#inquiry = new Inquiry(options.idsByHost);
  }

  /** As far as it is known now. */
  get outcomes(): ReadonlyMap<string, KickOutcome> {
    return this.#inquiry.outcomes;
  }

  /** Resolves when every host has answered, or the time is up. Rejects with StoreUnavailableError. */
  async run(): Promise<void> {
    await this.#publish();
    while (!this.#inquiry.isSettled && this.#leftMs > 0) await this.#poll();
  }

  get #leftMs(): number {
    return this.#endsAt - performance.now();
  }

  async #publish(): Promise<void> {
    const nowMs = await redisNow(this.#connection);
    // Whoever asked has been told that nobody can be reached.
    if (this.#leftMs <= 0) return;
    const { idsByHost, by } = this.#options;
    const order = { type: 'kick', request: this.#id, by, until: nowMs + this.#leftMs } as const;
    this.#inquiry.sending();
    const counts = await this.#connection.runAll((pipeline) => {
      for (const [host, ids] of idsByHost) {
        const message: ControlMessage = { ...order, ids };
        pipeline.publish(this.#keys.control(host), JSON.stringify(message));
      }
    });
    const receivers = parseReply(receiverCounts, counts);
    for (const [index, host] of [...idsByHost.keys()].entries()) {
      this.#inquiry.sent(host, receivers[index] ?? 0);
    }
  }

  /** Takes what has come; where that is nothing, waits a little. */
  async #poll(): Promise<void> {
    const key = this.#keys.reply(this.#id);
    const texts = parseReply(polled, await this.#connection.run((redis) => redis.lpop(key, pollRepliesMax)));
    for (const text of texts ?? []) {
      const reply = readMessage(controlReplySchema, text);
      if (reply.ok) this.#inquiry.take(reply.message);
      else this.#options.onWrong(reply.problem);
    }
    if (texts === null) await wait(pollIntervalMs);
  }
}
