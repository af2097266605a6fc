// What the keys below connections.redis must be to each other: half a certificate, a user without a password, or
// Sentinels without the name of a master would only show when the connection fails.
import type { CrossCheck } from './cross-check.js';
import type { RedisConfig } from './redis-schema.js';
import { parseRedisUrl } from './redis-url.js';
import type { Config } from './schema.js';

const prefix = 'connections.redis.';

/** A check of keys below connections.redis. */
function check(
  keys: readonly [string, ...string[]],
  problem: (redis: RedisConfig) => string | false,
): CrossCheck {
  const [blamed, ...others] = keys;
  return {
    keys: [prefix + blamed, ...others.map((key) => prefix + key)],
    problem: ({ connections }) => problem(connections.redis) || undefined,
  };
}

/** Whether a configuration says where Redis is. */
export function namesRedis({ url, sentinels }: Pick<RedisConfig, 'url' | 'sentinels'>): boolean {
  return url !== null || sentinels.length > 0;
}

const userOf = ({ url }: RedisConfig) => parseRedisUrl(url ?? '')?.username ?? null;
const passwordOf = ({ url }: RedisConfig) => parseRedisUrl(url ?? '')?.password ?? null;
const isTls = ({ url }: RedisConfig) => parseRedisUrl(url ?? '')?.isTls === true;

const needsTls = (isSet: (tls: RedisConfig['tls']) => boolean) => (redis: RedisConfig) =>
  isSet(redis.tls) &&
  namesRedis(redis) &&
  !isTls(redis) &&
  `is for TLS, but connections.redis.url does not begin with rediss://${
    redis.sentinels.length > 0 ? ' (rediss:///0 will do, since Sentinels say where Redis is)' : ''
  }`;

const needsSentinels = (key: keyof RedisConfig) => (redis: RedisConfig) =>
  redis[key] !== null &&
  redis.sentinels.length === 0 &&
  'is for Sentinels; name them in connections.redis.sentinels';

export const redisChecks: readonly CrossCheck[] = [
  {
    keys: ['connections.store', 'connections.redis.url', 'connections.redis.sentinels'],
    problem: ({ connections: { store, redis } }: Config) =>
      store === 'redis' && !namesRedis(redis)
        ? '"redis" needs connections.redis.url (or the environment variable REDIS_URL) or connections.redis.sentinels'
        : undefined,
  },
  {
    keys: [
      'connections.redis.command_timeout_ms',
      'connections.lease_ms',
      'connections.heartbeat_interval_ms',
    ],
    problem: ({ connections: { store, redis, lease_ms, heartbeat_interval_ms } }: Config) => {
      // One call that hangs is noticed, another one is tried, and there is still time for both.
      const maxMs = Math.floor((lease_ms - heartbeat_interval_ms) / 2.5);
      return store === 'embedded' ||
        store === 'none' ||
        !namesRedis(redis) ||
        redis.command_timeout_ms <= maxMs
        ? undefined
        : `${redis.command_timeout_ms} must be at most ${maxMs}, 2/5 of connections.lease_ms without connections.heartbeat_interval_ms, or one call that hangs makes a worker count as gone; lower it, or raise the lease`;
    },
  },
  check(
    ['username', 'url'],
    (redis) =>
      redis.username !== null &&
      userOf(redis) !== null &&
      'connections.redis.url names a user, too; keep one',
  ),
  check(
    ['username', 'password', 'password_path', 'url'],
    (redis) =>
      redis.username !== null &&
      redis.password === null &&
      redis.password_path === null &&
      passwordOf(redis) === null &&
      'needs a password; set connections.redis.password_path or password',
  ),
  check(
    ['password', 'password_path'],
    ({ password, password_path }) =>
      password !== null && password_path !== null && 'connections.redis.password_path is set, too; keep one',
  ),
  check(
    ['password', 'url'],
    (redis) =>
      redis.password !== null &&
      passwordOf(redis) !== null &&
      'connections.redis.url has a password, too; keep one',
  ),
  check(
    ['password_path', 'url'],
    (redis) =>
      redis.password_path !== null &&
      passwordOf(redis) !== null &&
      'connections.redis.url has a password, too; keep one',
  ),
  check(
    ['tls.cert_path', 'tls.key_path'],
    ({ tls }) =>
      tls.cert_path !== null &&
      tls.key_path === null &&
      'needs its private key in connections.redis.tls.key_path',
  ),
  check(
    ['tls.key_path', 'tls.cert_path'],
    ({ tls }) =>
      tls.key_path !== null &&
      tls.cert_path === null &&
      'needs its certificate in connections.redis.tls.cert_path',
  ),
  check(
    ['tls.ca_path', 'url'],
    needsTls(({ ca_path }) => ca_path !== null),
  ),
  check(
    ['tls.cert_path', 'url'],
    needsTls(({ cert_path }) => cert_path !== null),
  ),
  check(
    ['tls.key_path', 'url'],
    needsTls(({ key_path }) => key_path !== null),
  ),
  check(
    ['tls.server_name', 'url'],
    needsTls(({ server_name }) => server_name !== null),
  ),
  check(
    ['tls.verify', 'url'],
    needsTls(({ verify }) => !verify),
  ),
  check(
    ['sentinels', 'sentinel_name'],
    ({ sentinels, sentinel_name }) =>
      sentinels.length > 0 &&
      sentinel_name === null &&
      'need the name of their master in connections.redis.sentinel_name, such as mymaster',
  ),
  check(['sentinel_name', 'sentinels'], needsSentinels('sentinel_name')),
  check(['sentinel_username', 'sentinels'], needsSentinels('sentinel_username')),
  check(['sentinel_password', 'sentinels'], needsSentinels('sentinel_password')),
  check(['sentinel_password_path', 'sentinels'], needsSentinels('sentinel_password_path')),
  check(['sentinel_tls', 'sentinels'], needsSentinels('sentinel_tls')),
  check(
    ['sentinel_username', 'sentinel_password', 'sentinel_password_path'],
    ({ sentinel_username, sentinel_password, sentinel_password_path }) =>
      sentinel_username !== null &&
      sentinel_password === null &&
      sentinel_password_path === null &&
      'needs a password; set connections.redis.sentinel_password_path or sentinel_password',
  ),
  check(
    ['sentinel_password', 'sentinel_password_path'],
    ({ sentinel_password, sentinel_password_path }) =>
      sentinel_password !== null &&
      sentinel_password_path !== null &&
      'connections.redis.sentinel_password_path is set, too; keep one',
  ),
];
