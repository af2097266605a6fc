// One connection to Redis that fails fast and heals by itself: no offline queue, a timeout on every call,
// reconnecting for ever. Presence that is late is worthless, so nothing is kept for later or sent twice;
// whoever writes learns of the failure and resyncs.
import { Redis, type ChainableCommander } from 'ioredis';
import { StartupError, StoreUnavailableError } from '../../errors.js';
import { maskUrl } from '../mask-url.js';

/** Longest wait between two attempts to connect: short, or the view stays away long after Redis is back. */
const reconnectDelayMaxMs = 2_000;

export interface RedisConnectionOptions {
  readonly url: string;
  /** A call that takes longer has failed. */
  readonly commandTimeoutMs: number;
  /** Takes one line when Redis goes away and one when it is back; no secret is in them. */
  readonly onTrouble: (message: string) => void;
}

export class RedisConnection {
  readonly #redis: Redis;
  readonly #name: string;
  readonly #commandTimeoutMs: number;
  readonly #onTrouble: (message: string) => void;
  /** Settles when the first connection stands, or is not there in time. */
  #first: Promise<void> | null = null;
  #away = false;
  #closed = false;
  #lastTrouble = 'no answer';

  /** Connects at the first call. Throws StartupError for a URL that is none. */
  constructor({ url, commandTimeoutMs, onTrouble }: RedisConnectionOptions) {
    this.#name = maskUrl(url);
    this.#commandTimeoutMs = commandTimeoutMs;
    this.#onTrouble = onTrouble;
    this.#redis = createClient(url, commandTimeoutMs);
    this.#redis.on('error', (error: Error) => {
      this.#goneAway(error);
    });
    this.#redis.on('ready', () => {
      this.#isBack();
    });
  }

  /** Connects; waits at most the command timeout. Rejects with StoreUnavailableError; attempts go on. */
  async ready(): Promise<void> {
    const redis = this.#redis;
    if (this.#closed) throw new StoreUnavailableError(`the connection to Redis at ${this.#name} is closed`);
    // A failure comes as an 'error' event too, and ioredis tries again.
    if (redis.status === 'wait') redis.connect().catch(() => undefined);
    if (redis.status === 'ready') return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        redis.off('ready', becameReady);
        reject(new StoreUnavailableError(`Redis at ${this.#name} is not ready: ${this.#lastTrouble}`));
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
   * away. Rejects with StoreUnavailableError, the cause inside.
   */
  async run<T>(call: (redis: Redis) => Promise<T>): Promise<T> {
    await (this.#first ??= this.ready().catch(() => undefined));
    try {
      const answer = await call(this.#redis);
      this.#isBack();
      return answer;
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Several calls in one write; resolves to their replies. Rejects as `run` does if any fails. */
  async runAll(fill: (pipeline: ChainableCommander) => void): Promise<unknown[]> {
    return this.run(async (redis) => {
      const pipeline = redis.pipeline();
      fill(pipeline);
      const results = (await pipeline.exec()) ?? [];
      return results.map(([error, reply]) => {
        if (error !== null) throw error;
        return reply;
      });
    });
  }

  /** Ends the connection at once; calls that wait fail. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#redis.disconnect();
  }

  #failure(error: unknown): StoreUnavailableError {
    const cause = plainCause(error);
    // An error that Redis sent is an answer: it is there.
    if (cause.name !== 'ReplyError') this.#goneAway(cause);
    return new StoreUnavailableError(`Redis at ${this.#name} failed: ${cause.message}`, { cause });
  }

  #goneAway(error: Error): void {
    this.#lastTrouble = plainCause(error).message;
    if (this.#away || this.#closed) return;
    this.#away = true;
    this.#onTrouble(`Redis at ${this.#name} is away (${this.#lastTrouble}); reconnecting by itself`);
  }

  #isBack(): void {
    if (!this.#away) return;
    this.#away = false;
    this.#onTrouble(`Redis at ${this.#name} is back`);
  }
}

/** Whether a call failed because somebody put another type of value under this key. */
export function isWrongType(error: unknown): boolean {
  return (
    error instanceof StoreUnavailableError &&
    error.cause instanceof Error &&
    error.cause.message.startsWith('WRONGTYPE')
  );
}

/** Connects at `connect`. Throws StartupError for a URL that is none. */
export function createClient(url: string, commandTimeoutMs: number): Redis {
  try {
    return new Redis(url, {
      connectionName: 'pear',
      commandTimeout: commandTimeoutMs,
      connectTimeout: commandTimeoutMs,
      // A connection that owes a reply for so long is half-open: TCP itself would notice after minutes.
      socketTimeout: 2 * commandTimeoutMs,
      // How long a closed connection may hold up the end of the process.
      disconnectTimeout: 200,
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 10), reconnectDelayMaxMs),
      // The same shapes of replies from every server, and no downgrade to negotiate.
      protocol: 2,
      disableClientInfo: true,
    });
  } catch {
    // The error of `new URL` quotes the URL, and with it the password.
    throw new StartupError(
      `connections.redis.url is not a URL that can be used (${maskUrl(url)})`,
      'write it as redis://user:password@host:6379/0, special characters percent-encoded',
    );
  }
}

/** ioredis hangs the whole command onto its errors: a password at AUTH, hundreds of records at HSET. */
function plainCause(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  // Where a name resolves to several addresses Node gives an AggregateError with an empty message.
  const cause = new Error(error.message === '' ? code : error.message);
  cause.name = error.name;
  return cause;
}
