// Which store keeps the view of connections, from the configuration alone: `auto` never looks whether Redis
// answers, or hosts that started during an outage would each keep to themselves for good.
import { namesRedis } from '../config/redis-checks.js';
import type { RedisConfig } from '../config/redis-schema.js';
import type { Config } from '../config/schema.js';
import { StartupError } from '../errors.js';
import { maskUrl } from './mask-url.js';

/** As whom Redis is reached, by which files and which Sentinels; the keys of the configuration. */
export type RedisAccess = Omit<RedisConfig, 'url' | 'key_prefix' | 'command_timeout_ms'>;

/** What every client of the Redis store needs to know; times in milliseconds. */
export interface RedisSettings {
  /** Null only where `access` has Sentinels. */
  readonly url: string | null;
  readonly access: RedisAccess;
  /** How the connection is called in Redis's CLIENT LIST. */
  readonly clientName: string;
  readonly keyPrefix: string;
  readonly commandTimeoutMs: number;
  readonly leaseMs: number;
  /** Nobody is removed before Redis has taken writes for so long without a pause: whoever lives has renewed its lease by then. */
  readonly removalGraceMs: number;
  readonly keyTtlMs: number;
}

/** `sentence` says what was chosen and why, for the log; no secret is in it. */
export type StoreChoice =
  | { readonly kind: 'redis'; readonly sentence: string; readonly redis: RedisSettings }
  | { readonly kind: 'embedded' | 'none'; readonly sentence: string };

/**
 * `member` tells in CLIENT LIST who connects: `<host>:<slot>`. Throws StartupError where Redis is demanded and nothing
 * says where it is.
 */
export function chooseStore({ connections }: Pick<Config, 'connections'>, member?: string): StoreChoice {
  const { store, redis } = connections;
  if (store === 'none') {
    return {
      kind: 'none',
      sentence: 'No view of connections is kept, and none can be listed: connections.store is none.',
    };
  }
  const keys = redis.sentinels.length > 0 ? 'connections.redis.sentinels' : 'connections.redis.url';
  if (store === 'embedded') {
    return embedded(`connections.store is embedded${namesRedis(redis) ? `; ${keys} is not used` : ''}`);
  }
  if (!namesRedis(redis)) {
    if (store === 'auto') return embedded('no connections.redis.url is configured');
    throw new StartupError(
      'connections.store is redis, but connections.redis.url is not set',
      'set connections.redis.url (or REDIS_URL) or connections.redis.sentinels, or connections.store: embedded',
    );
  }
  const why = store === 'redis' ? 'connections.store is redis' : `${keys} is configured`;
  const { url, key_prefix, command_timeout_ms, ...access } = redis;
  const settings: RedisSettings = {
    url,
    access,
    clientName: member === undefined ? 'pear' : toClientName(`pear:${member}`),
    keyPrefix: key_prefix,
    commandTimeoutMs: command_timeout_ms,
    leaseMs: connections.lease_ms,
    removalGraceMs: connections.lease_ms + 2 * connections.heartbeat_interval_ms,
    keyTtlMs: connections.key_ttl_ms,
  };
  const shared = `${redisName(settings)} and the key prefix ${key_prefix}`;
  return {
    kind: 'redis',
    sentence: `The view of connections covers all hosts that share ${shared}: ${why}.`,
    redis: settings,
  };
}

/** Redis as messages call it: where it is, or who is asked for it. No secret is in it. */
export function redisName({ url, access }: Pick<RedisSettings, 'url' | 'access'>): string {
  if (access.sentinels.length === 0) return `Redis at ${maskUrl(url ?? '')}`;
  return `Redis (${access.sentinel_name ?? ''} of the Sentinels ${access.sentinels.join(', ')})`;
}

/** Redis takes printable ASCII without spaces for a name. */
function toClientName(text: string): string {
  return text.replaceAll(/[^!-~]/g, '-');
}

function embedded(why: string): StoreChoice {
  return {
    kind: 'embedded',
    sentence: `The view of connections covers this host only, in the memory of its primary: ${why}.`,
  };
}
