// Makes the clients of ioredis, all in one way: no offline queue, a timeout on every call, reconnecting for ever. What
// a client is for (calls, or listening to channels) is left to who has it made.
import { Redis, type RedisOptions } from 'ioredis';
import { parseSentinel } from '../../config/redis-schema.js';
import { parseRedisUrl, type RedisUrl } from '../../config/redis-url.js';
import { StartupError } from '../../errors.js';
import type { RedisSettings } from '../choose-store.js';
import { maskUrl } from '../mask-url.js';
import { readPassword, readTls } from './access-files.js';

/** Longest wait between two attempts to connect: short, or the view stays away long after Redis is back. */
const reconnectDelayMaxMs = 2_000;

/** Least time between two looks for the master: a replica that is named by mistake would be asked without end. */
const masterSearchIntervalMs = 2_000;

/** What a client needs to know of the settings. */
export type ClientSettings = Pick<RedisSettings, 'url' | 'access' | 'clientName' | 'commandTimeoutMs'>;

type Options = Omit<RedisOptions, 'replyMapping'>;

/** A client that connects at its first use. Throws StartupError for a URL or files that cannot be used. */
export function createClient(settings: ClientSettings): Redis {
  const { commandTimeoutMs, clientName } = settings;
  return new Redis({
    ...whereAndWho(settings),
    connectionName: clientName,
    commandTimeout: commandTimeoutMs,
    // Shorter, so that whoever waits for the first connection learns what became of it.
    connectTimeout: Math.ceil(0.75 * commandTimeoutMs),
    // A connection that owes a reply for so long is half-open: TCP itself would notice after minutes.
    socketTimeout: 2 * commandTimeoutMs,
    // How long a closed connection may hold up the end of the process.
    disconnectTimeout: 200,
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: retryDelayMs,
    reconnectOnError: masterSearch(),
    // Redis says how long its data will take to load, and is often wrong.
    maxLoadingRetryTime: reconnectDelayMaxMs,
    // The same shapes of replies from every server, and no downgrade to negotiate.
    protocol: 2,
    disableClientInfo: true,
  });
}

/** Whether Redis is spoken to in TLS. */
export function isTls({ url }: Pick<RedisSettings, 'url'>): boolean {
  return parseRedisUrl(url ?? '')?.isTls === true;
}

function whereAndWho({ url, access, commandTimeoutMs }: ClientSettings): Options {
  const target = url === null ? null : parseRedisUrl(url);
  if (url !== null && target === null) {
    // The URL may hold a password.
    throw new StartupError(
      `connections.redis.url is not a URL that can be used (${maskUrl(url)})`,
      'write it as redis://user:password@host:6379/0, special characters percent-encoded',
    );
  }
  const tls = target?.isTls === true ? readTls(access) : undefined;
  const who: Options = {
    username: target?.username ?? access.username ?? undefined,
    password: target?.password ?? readPassword(access, 'password') ?? undefined,
    db: target?.database ?? 0,
    tls,
  };
  const sentinels = access.sentinels.map(parseSentinel).filter((sentinel) => sentinel !== null);
  if (sentinels.length === 0) {
    return { ...who, ...(target === null ? {} : address(target)) };
  }
  return {
    ...who,
    sentinels,
    name: access.sentinel_name ?? '',
    sentinelUsername: access.sentinel_username ?? undefined,
    sentinelPassword: readPassword(access, 'sentinel_password') ?? undefined,
    sentinelTLS: (access.sentinel_tls ?? tls !== undefined) ? (tls ?? readTls(access)) : undefined,
    enableTLSForSentinelMode: tls !== undefined,
    sentinelCommandTimeout: commandTimeoutMs,
    sentinelRetryStrategy: retryDelayMs,
    // Only those that are configured: what Sentinels tell of each other may be addresses of another network.
    updateSentinels: false,
  };
}

function address({ socketPath, host, port, family }: RedisUrl): Options {
  if (socketPath !== null) return { path: socketPath };
  return {
    ...(host === '' ? {} : { host }),
    ...(port === null ? {} : { port }),
    ...(family === null ? {} : { family }),
  };
}

function retryDelayMs(attempt: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 10), reconnectDelayMaxMs);
}

/** After a failover the old master lives on as a replica: connecting anew leads to the new one. */
function masterSearch(): (error: Error) => boolean {
  let lastMs = -Infinity;
  return (error) => {
    if (!error.message.startsWith('READONLY') || performance.now() - lastMs < masterSearchIntervalMs)
      return false;
    lastMs = performance.now();
    return true;
  };
}
