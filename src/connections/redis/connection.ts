// One connection to Redis that fails fast and heals by itself: no offline queue, a timeout on every call,
// reconnecting for ever. Presence that is late is worthless, so nothing is kept for later or sent twice;
// whoever writes learns of the failure and resyncs.
import type { ChainableCommander, Redis } from 'ioredis';
import { StoreUnavailableError } from '../../errors.js';
import { redisName } from '../choose-store.js';
import { createClient, isTls, type ClientSettings } from './client.js';
import { isSilence, plainCause, sentinelTrouble, silenceWords, troubleOf, troubleWords } from './trouble.js';

export interface RedisConnectionOptions extends ClientSettings {
  /** Takes one line for each trouble and one when it is over; no secret is in them. */
  readonly onTrouble: (message: string) => void;
}

/** Different refusals that are told of, for each time that the connection stands. */
const refusalsToldMax = 20;

/** So ioredis begins what it says of a call that comes too late or too early. */
const notWritable = "Stream isn't writeable";

/** In place of a reply: somebody has put another type of value under the key of this call. */
const wrongType = Symbol('wrong type');

/** While a client looks for the master after READONLY, what fails is no news. */
const masterSearchMs = 2_000;

export class RedisConnection {
  readonly #redis: Redis;
  readonly #name: string;
  readonly #commandTimeoutMs: number;
  readonly #onTrouble: (message: string) => void;
  /** Settles when the first connection stands, or has failed once, or is not there in time. */
  #first: Promise<void> | null = null;
  #away = false;
  #takesNoWrites = false;
  readonly #refusalsTold = new Set<string>();
  #closed = false;
  #lastTrouble = 'no answer';
  /** Something has been heard of the attempt to connect that is under way. */
  #attemptTold = false;
  #masterSearchEndMs = -Infinity;

  /** Connects at the first call. Throws StartupError for a URL or files that cannot be used. */
  constructor({ onTrouble, ...settings }: RedisConnectionOptions) {
    this.#name = redisName(settings);
    this.#commandTimeoutMs = settings.commandTimeoutMs;
    this.#onTrouble = onTrouble;
    this.#redis = createClient(settings);
    this.#listen(settings);
  }

  /** Connects; waits at most the command timeout. Rejects with StoreUnavailableError; attempts go on. */
  async ready(): Promise<void> {
    const redis = this.#redis;
    if (this.#closed) throw new StoreUnavailableError(`the connection to ${this.#name} is closed`);
    // A failure comes as an 'error' event too, and ioredis tries again.
    if (redis.status === 'wait') redis.connect().catch(() => undefined);
    if (redis.status === 'ready') return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        redis.off('ready', becameReady);
        this.#isAway(this.#whyNotReady());
        reject(new StoreUnavailableError(`${this.#name} is not ready: ${this.#whyNotReady()}`));
      }, this.#commandTimeoutMs);
      const becameReady = () => {
        clearTimeout(timer);
        resolve();
      };
      redis.once('ready', becameReady);
    });
  }

  /**
   * One call. The first ones wait for the connection, as `ready` does; later ones fail at once while it is
   * away. Rejects with StoreUnavailableError, the cause inside. `handled`: this failure is no news, the caller deals
   * with it (`isWrongType`).
   */
  async run<T>(call: (redis: Redis) => Promise<T>, handled?: 'wrong type'): Promise<T> {
    await (this.#first ??= this.#firstNews());
    if (this.#redis.status !== 'ready') {
      const cause = new Error(this.#whyNotReady());
      this.#isAway(cause.message);
      throw new StoreUnavailableError(`${this.#name} is away: ${cause.message}`, { cause });
    }
    try {
      const answer = await call(this.#redis);
      this.#isBack();
      return answer;
    } catch (error) {
      throw this.#failure(error, handled === 'wrong type');
    }
  }

  /** Several calls in one write; resolves to their replies. Rejects as `run` does if any fails. */
  async runAll(fill: (pipeline: ChainableCommander) => void): Promise<unknown[]> {
    return this.#pipe(fill, (error) => {
      throw error;
    });
  }

  /** As `runAll`, but one key of the wrong type does not fail the others: its reply is `wrongType`. */
  async runEach(fill: (pipeline: ChainableCommander) => void): Promise<unknown[]> {
    return this.#pipe(fill, (error) => {
      if (!saysWrongType(error)) throw error;
      return wrongType;
    });
  }

  /** Redis has not taken something that the view can do without, for this reason. */
  refuses(words: string): void {
    this.#tellRefusal(troubleWords(new Error(words)));
  }

  /** Whoever writes says so when all that it had to write has been taken: reads succeed also while writes are refused. */
  tookWrites(): void {
    if (!this.#takesNoWrites) return;
    this.#takesNoWrites = false;
    this.#onTrouble(`${this.#name} takes writes again`);
  }

  /** Ends the connection at once; calls that wait fail. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#redis.disconnect();
  }

  #pipe(
    fill: (pipeline: ChainableCommander) => void,
    onError: (error: Error) => unknown,
  ): Promise<unknown[]> {
    return this.run(async (redis) => {
      const pipeline = redis.pipeline();
      fill(pipeline);
      const results = (await pipeline.exec()) ?? [];
      return results.map(([error, reply]) => (error === null ? reply : onError(error)));
    });
  }

  async #firstNews(): Promise<void> {
    const failed = new Promise<void>((resolve) => this.#redis.once('error', resolve));
    const ready = this.ready().catch(() => undefined);
    if (!this.#away) await Promise.race([ready, failed]);
  }

  #listen(settings: ClientSettings): void {
    const redis = this.#redis;
    const { sentinels, sentinel_name, tls } = settings.access;
    const silence = silenceWords(isTls(settings), tls.cert_path !== null);
    let sentinelWords = '';
    let sentinelsFailed = 0;
    redis.on('sentinelError', (error: Error) => {
      sentinelWords = sentinelTrouble(error, sentinel_name ?? '');
      sentinelsFailed++;
    });
    redis.on('error', (error: Error) => {
      if (error.message.startsWith(notWritable)) return;
      if (error.message.startsWith('All sentinels are unreachable')) {
        // ioredis says so, too, where it has only come to the end of its list, having begun in the middle.
        if (sentinelsFailed >= sentinels.length) this.#tellAway(`no Sentinel leads to it: ${sentinelWords}`);
        sentinelsFailed = 0;
        return;
      }
      this.#attemptTold = true;
      const isUnderWay = redis.status === 'connect' || (isTls(settings) && redis.status === 'connecting');
      this.#tellAway(isUnderWay && isSilence(error) ? silence : troubleWords(error));
      // Without its database it would go on in database 0, among somebody else's keys.
      if (isAboutSelect(error)) redis.disconnect(true);
    });
    redis.on('connect', () => {
      this.#attemptTold = false;
    });
    redis.on('ready', () => {
      this.#attemptTold = true;
      this.#refusalsTold.clear();
      this.#isBack();
    });
    redis.on('close', () => {
      if (this.#attemptTold) return;
      this.#attemptTold = true;
      this.#isAway(sentinels.length > 0 ? 'what the Sentinels name is no master yet' : silence);
    });
  }

  #failure(error: unknown, handlesWrongType: boolean): StoreUnavailableError {
    const cause = plainCause(error);
    const isHandled = handlesWrongType && saysWrongType(cause);
    const trouble = isHandled ? null : troubleOf(error instanceof Error ? error : cause);
    if (trouble?.kind === 'away') this.#isAway(trouble.words);
    if (trouble?.kind === 'refused') this.#tellRefusal(trouble.words);
    if (trouble?.kind === 'no writes') {
      // The client has begun to look for the master: what fails meanwhile is no news.
      if (cause.message.startsWith('READONLY')) this.#masterSearchEndMs = performance.now() + masterSearchMs;
      if (!this.#takesNoWrites && !this.#closed)
        this.#onTrouble(`${this.#name} takes no writes: ${trouble.words}`);
      this.#takesNoWrites = true;
    }
    return new StoreUnavailableError(`${this.#name} failed: ${cause.message}`, { cause });
  }

  #tellRefusal(words: string): void {
    if (this.#closed || this.#refusalsTold.has(words) || this.#refusalsTold.size >= refusalsToldMax) return;
    this.#refusalsTold.add(words);
    this.#onTrouble(`${this.#name} refuses what the view of connections needs: ${words}`);
  }

  #isAway(words: string): void {
    if (performance.now() < this.#masterSearchEndMs) this.#lastTrouble = words;
    else this.#tellAway(words);
  }

  #tellAway(words: string): void {
    this.#lastTrouble = words;
    if (this.#away || this.#closed) return;
    this.#away = true;
    this.#onTrouble(`${this.#name} is away: ${words}; reconnecting by itself`);
  }

  #isBack(): void {
    if (!this.#away) return;
    this.#away = false;
    this.#onTrouble(`${this.#name} is back`);
  }

  #whyNotReady(): string {
    if (this.#closed) return 'the connection is closed';
    if (this.#redis.status !== 'connect') return this.#lastTrouble;
    return 'it is there, but has not said that it is ready; it may be reading its data';
  }
}

/** Whether a call failed because somebody put another type of value under this key. */
export function isWrongType(error: unknown): boolean {
  return error instanceof StoreUnavailableError && error.cause instanceof Error && saysWrongType(error.cause);
}

/** Redis 6.2 says it in the middle where it happened in a script. */
function saysWrongType(error: Error): boolean {
  return /\bWRONGTYPE\b/.test(error.message);
}

function isAboutSelect(error: Error): boolean {
  if (!('command' in error) || typeof error.command !== 'object' || error.command === null) return false;
  return 'name' in error.command && error.command.name === 'select';
}
