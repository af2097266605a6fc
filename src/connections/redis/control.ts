// How primaries reach each other: each listens to the channel of its host, and what it is asked there it answers into a
// list that only who asked reads.
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { describeError } from '../../errors.js';
import type { Logger } from '../../log.js';
import type { RedisSettings } from '../choose-store.js';
import { kickAnswers, kickHopMs, kickTimeoutMs, type KickOutcome } from '../kick.js';
import { Canary } from './canary.js';
import { RedisConnection } from './connection.js';
import {
  controlMessageSchema,
  readMessage,
  type ControlMessage,
  type ControlReply,
} from './control-messages.js';
import { redisKeys, type RedisKeys } from './keys.js';
import { redisNow } from './redis-now.js';
import { RemoteKick } from './remote-kick.js';
import { RedisSubscriber } from './subscriber.js';
import { TwinWatch } from './twin-watch.js';

/** So long at least two primaries of one host may be there at a reload. */
const handoverMinMs = 120_000;

/** How long an answer stays that nobody fetches. */
const replyTtlMs = 10_000;

export interface RedisControlOptions {
  readonly settings: RedisSettings;
  readonly hostId: string;
  /** How often it is seen to that the channel carries. */
  readonly pingIntervalMs: number;
  /** How long a server that ends waits for its clients. */
  readonly drainTimeoutMs: number;
  /** Disconnects peers of this host within the limit, and tells what became of each. */
  readonly onKick: (
    ids: readonly string[],
    by: string,
    limitMs: number,
  ) => Promise<ReadonlyMap<string, KickOutcome>>;
  readonly log: Logger;
}

export class RedisControl {
  readonly #options: RedisControlOptions;
  readonly #keys: RedisKeys;
  readonly #channel: string;
  readonly #connection: RedisConnection;
  readonly #subscriber: RedisSubscriber;
  readonly #canary: Canary;
  /** This primary, among others that may have its host's id. */
  readonly #self = randomUUID();
  readonly #twin: TwinWatch;
  /** Nothing that it sends itself comes. */
  #isDeaf = false;

  /** Connects at `listen`. Throws StartupError for a URL or files that cannot be used. */
  constructor(options: RedisControlOptions) {
    const { settings, hostId, pingIntervalMs, drainTimeoutMs, log } = options;
    const { commandTimeoutMs } = settings;
    this.#options = options;
    this.#keys = redisKeys(settings.keyPrefix);
    this.#channel = this.#keys.control(hostId);
    const channel = this.#channel;
    this.#connection = new RedisConnection({
      ...settings,
      // Workers tell of an outage themselves; here it would be the same news once more.
      onTrouble: (message) => {
        log.debug(message);
      },
    });
    this.#subscriber = new RedisSubscriber({
      settings,
      channel,
      onMessage: (text) => {
        this.#receive(text);
      },
      onChange: () => {
        this.#canary.forget();
        // Another primary with this host's id hears of this one at once.
        if (!this.#isDeaf) this.#canary.sing();
      },
      onRefused: (reason) => {
        log.warn({ channel, reason }, 'Redis refuses the channel on which other hosts reach this one');
      },
      onKept: (reason) => {
        log.debug(
          { channel, reason },
          'an earlier connection to this channel may count until Redis misses it',
        );
      },
    });
    this.#twin = new TwinWatch({
      pingIntervalMs,
      handoverMaxMs: Math.max(handoverMinMs, 2 * drainTimeoutMs),
      onStays: () => {
        log.warn(
          { hostId },
          'another server has the same cluster.host_id; give each one of its own, or what each shows of the other is wrong',
        );
      },
    });
    this.#canary = new Canary({
      intervalMs: pingIntervalMs,
      patienceMs: commandTimeoutMs,
      isListening: () => this.#subscriber.isListening,
      send: async (token) => {
        const message: ControlMessage = { type: 'ping', token, from: this.#self };
        await this.#connection.run((redis) => redis.publish(channel, JSON.stringify(message)));
      },
      onSilence: () => {
        if (!this.#isDeaf) {
          log.warn(
            { channel },
            'nothing comes through the channel on which other hosts reach this one; reconnecting',
          );
        }
        this.#isDeaf = true;
        this.#subscriber.reconnect();
      },
    });
  }

  /** Whether another primary has this host's id, and so may have its peers. */
  get hasTwin(): boolean {
    return this.#twin.isThere;
  }

  listen(): void {
    // The first kick should not have to wait for it.
    this.#connection.ready().catch(() => undefined);
    this.#subscriber.listen();
    this.#canary.start();
  }

  close(): void {
    this.#canary.stop();
    this.#subscriber.close();
    this.#connection.close();
  }

  /** Disconnects peers of other hosts; what became of each, after the limit at the latest. Never rejects. */
  async kick(
    idsByHost: ReadonlyMap<string, readonly string[]>,
    by: string,
    limitMs: number,
  ): Promise<ReadonlyMap<string, KickOutcome>> {
    const { log } = this.#options;
    const request = new RemoteKick(this.#connection, this.#keys, {
      idsByHost,
      by,
      limitMs,
      onWrong: (reason) => {
        log.warn({ reason }, 'an answer of another host is none; dropped');
      },
    });
    const late = new AbortController();
    const asked = request.run().catch((error: unknown) => {
      log.warn({ reason: describeError(error) }, 'other hosts cannot be asked to disconnect peers');
    });
    await Promise.race([asked, wait(limitMs, undefined, { signal: late.signal }).catch(() => undefined)]);
    late.abort();
    return request.outcomes;
  }

  #receive(text: string): void {
    const read = readMessage(controlMessageSchema, text);
    if (!read.ok) {
      const fields = { channel: this.#channel, reason: read.problem };
      this.#options.log.warn(fields, 'a message to this host is none; dropped');
      return;
    }
    const { message } = read;
    switch (message.type) {
      case 'ping':
        if (message.from !== undefined && message.from !== this.#self) this.#hearTwin();
        this.#hear(message.token);
        return;
      case 'kick':
        void this.#serve(message);
        return;
      default:
        message satisfies never;
    }
  }

  #hearTwin(): void {
    const isNew = !this.#twin.isThere;
    this.#twin.heard();
    if (isNew) this.#canary.sing();
  }

  #hear(token: string): void {
    // Another primary with this host's name may ping itself here, too.
    if (!this.#canary.heard(token) || !this.#isDeaf) return;
    this.#isDeaf = false;
    this.#options.log.info({ channel: this.#channel }, 'other hosts can reach this one again');
  }

  async #serve({ request, ids, by, until }: Extract<ControlMessage, { type: 'kick' }>): Promise<void> {
    const { hostId, onKick, log } = this.#options;
    try {
      const limitMs = Math.min(until - (await redisNow(this.#connection)) - kickHopMs, kickTimeoutMs);
      if (limitMs <= 0) {
        log.info(
          { by, peers: ids.length },
          'another host wanted peers disconnected and waits no more; not done',
        );
        return;
      }
      const outcomes = await onKick(ids, by, limitMs);
      const answers = kickAnswers(ids, (id) => outcomes.get(id) ?? 'not found');
      const key = this.#keys.reply(request);
      await this.#connection.runAll((pipeline) => {
        pipeline.rpush(key, JSON.stringify({ host: hostId, answers } satisfies ControlReply));
        pipeline.pexpire(key, replyTtlMs);
      });
    } catch (error) {
      log.warn(
        { by, reason: describeError(error) },
        'another host that wanted peers disconnected got no answer',
      );
    }
  }
}
