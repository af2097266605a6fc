// Which store keeps the view of connections, from the configuration alone: `auto` never looks whether Redis
// answers, or hosts that started during an outage would each keep to themselves for good.
import type { Config } from '../config/schema.js';
import { StartupError } from '../errors.js';
import { maskUrl } from './mask-url.js';

/** What every client of the Redis store needs to know; times in milliseconds. */
export interface RedisSettings {
  readonly url: string;
  readonly keyPrefix: string;
  readonly commandTimeoutMs: number;
  readonly leaseMs: number;
  readonly keyTtlMs: number;
}

/** `sentence` says what was chosen and why, for the log; no secret is in it. */
export type StoreChoice =
  | { readonly kind: 'redis'; readonly sentence: string; readonly redis: RedisSettings }
  | { readonly kind: 'embedded' | 'none'; readonly sentence: string };

/** Throws StartupError where Redis is demanded and no URL is given. */
export function chooseStore({ connections }: Pick<Config, 'connections'>): StoreChoice {
  const { store, redis } = connections;
  if (store === 'none') {
    return {
      kind: 'none',
      sentence: 'No view of connections is kept, and none can be listed: connections.store is none.',
    };
  }
  if (store === 'embedded') {
    return embedded(
      `connections.store is embedded${redis.url === null ? '' : '; connections.redis.url is not used'}`,
    );
  }
  if (redis.url === null) {
    if (store === 'auto') return embedded('no connections.redis.url is configured');
    throw new StartupError(
      'connections.store is redis, but connections.redis.url is not set',
      'set connections.redis.url (or REDIS_URL), or connections.store: embedded',
    );
  }
  const why = store === 'redis' ? 'connections.store is redis' : 'connections.redis.url is configured';
  const shared = `Redis at ${maskUrl(redis.url)} and the key prefix ${redis.key_prefix}`;
  return {
    kind: 'redis',
    sentence: `The view of connections covers all hosts that share ${shared}: ${why}.`,
    redis: {
      url: redis.url,
      keyPrefix: redis.key_prefix,
      commandTimeoutMs: redis.command_timeout_ms,
      leaseMs: connections.lease_ms,
      keyTtlMs: connections.key_ttl_ms,
    },
  };
}

function embedded(why: string): StoreChoice {
  return {
    kind: 'embedded',
    sentence: `The view of connections covers this host only, in the memory of its primary: ${why}.`,
  };
}
