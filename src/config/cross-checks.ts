// What several values of a configuration, each fine alone, must be to each other: limits that cannot deadlock,
// times that do not overtake each other, ports that do not collide.
import type { CrossCheck } from './cross-check.js';
import { shownValue, type Problems } from './problems.js';
import { namesRedis, redisChecks } from './redis-checks.js';
import type { Config } from './schema.js';
import { securityChecks, securityNotes } from './security-checks.js';
import type { Settings } from './settings.js';
import { tlsChecks } from './tls-checks.js';

/** Adds what does not go together. A check is left out where one of its values is a mistake already. */
export function checkTogether(config: Config, settings: Settings, problems: Problems): void {
  for (const { keys, problem } of crossChecks) {
    if (keys.some((key) => settings.isRefused(key))) continue;
    const words = problem(config);
    if (words === undefined) continue;
    const origins = new Set(keys.flatMap((key) => settings.originOf(key) ?? []));
    problems.add(() => `${keys[0]}: ${words}`, origins.size === 0 ? 'defaults' : [...origins].join('; '));
  }
}

/** What goes together, but perhaps not as it was meant. */
export function notesTogether(config: Config, settings: Settings): string[] {
  return [...securityNotes(config, settings), ...redisNotes(config, settings)];
}

function redisNotes({ connections: { store, redis } }: Config, settings: Settings): string[] {
  if (!namesRedis(redis)) return [];
  const note = (key: string, words: string) =>
    `connections.redis.${key}: ${words} (${settings.originOf(`connections.redis.${key}`) ?? 'default'})`;
  if (store === 'embedded' || store === 'none') {
    const key = redis.url === null ? 'sentinels' : 'url';
    return [note(key, `not used, because connections.store is ${store}`)];
  }
  if (redis.tls.verify) return [];
  return [
    note(
      'tls.verify',
      'false: whoever stands between us and Redis can pose as it and read its password; name its authority in connections.redis.tls.ca_path instead',
    ),
  ];
}

const crossChecks: readonly CrossCheck[] = [
  {
    keys: ['limits.max_queued_images', 'limits.max_batch'],
    problem: ({ limits }) =>
      atLeast(
        limits.max_queued_images,
        'limits.max_batch',
        limits.max_batch,
        'or the largest request never starts',
      ),
  },
  {
    keys: ['limits.max_queued_images_total', 'limits.max_queued_images'],
    problem: ({ limits }) =>
      atLeast(
        limits.max_queued_images_total,
        'limits.max_queued_images',
        limits.max_queued_images,
        'or a single peer within its own limits finds the server busy',
      ),
  },
  {
    keys: ['limits.max_in_flight_bytes', 'limits.max_message_bytes', 'limits.max_image_bytes'],
    problem: ({ limits: { max_in_flight_bytes, max_message_bytes, max_image_bytes } }) =>
      atLeast(
        max_in_flight_bytes,
        'limits.max_message_bytes + limits.max_image_bytes',
        max_message_bytes + max_image_bytes,
        'or the image behind the largest request is never read',
      ),
  },
  {
    keys: [
      'limits.max_held_bytes_total',
      'limits.max_in_flight_bytes',
      'limits.read_ahead_bytes',
      'limits.max_message_bytes',
      'limits.max_image_bytes',
    ],
    problem: ({ limits }) =>
      atLeast(
        limits.max_held_bytes_total,
        'twice limits.max_in_flight_bytes + 2 × (read_ahead_bytes + max_message_bytes + max_image_bytes)',
        2 * limits.max_in_flight_bytes +
          4 * (limits.read_ahead_bytes + limits.max_message_bytes + limits.max_image_bytes),
        'or a single peer that is slowed by its own limits finds the server busy',
      ),
  },
  {
    keys: ['connections.lease_ms', 'connections.heartbeat_interval_ms'],
    problem: ({ connections: { lease_ms, heartbeat_interval_ms } }) =>
      atLeast(
        lease_ms,
        'twice connections.heartbeat_interval_ms',
        2 * heartbeat_interval_ms,
        'or one late heartbeat makes a worker count as gone',
      ),
  },
  {
    keys: ['connections.key_ttl_ms', 'connections.lease_ms', 'connections.heartbeat_interval_ms'],
    problem: ({ connections: { key_ttl_ms, lease_ms, heartbeat_interval_ms } }) =>
      atLeast(
        key_ttl_ms,
        'twice connections.lease_ms + three times connections.heartbeat_interval_ms',
        2 * lease_ms + 3 * heartbeat_interval_ms,
        'or peers of a lost host vanish unrecorded before it may be removed',
      ),
  },
  {
    keys: ['cluster.orphan_timeout_ms', 'connections.lease_ms'],
    problem: ({ cluster: { orphan_timeout_ms }, connections: { lease_ms } }) =>
      orphan_timeout_ms < lease_ms
        ? undefined
        : `${orphan_timeout_ms} must be less than connections.lease_ms, ${lease_ms}, or a worker counts as gone while it still replies`,
  },
  {
    keys: ['limits.change_timeout_ms', 'limits.model_proof_timeout_ms'],
    problem: ({ limits: { change_timeout_ms, model_proof_timeout_ms } }) =>
      change_timeout_ms > model_proof_timeout_ms
        ? undefined
        : `${change_timeout_ms} must be more than limits.model_proof_timeout_ms, ${model_proof_timeout_ms}, or a model that hangs is never said to`,
  },
  ...redisChecks,
  ...securityChecks,
  ...tlsChecks,
  {
    keys: ['admin.port', 'server.port', 'admin.host', 'server.host', 'admin.enabled'],
    problem: ({ admin, server }) =>
      admin.enabled && admin.port !== 0 && admin.port === server.port && sameAddress(admin.host, server.host)
        ? `${admin.port} is server.port, too; each needs a port of its own`
        : undefined,
  },
  {
    keys: ['model.classes'],
    problem: ({ model }) => {
      const twice = firstRepeated(model.classes ?? []);
      return twice === undefined
        ? undefined
        : `${shownValue(twice)} stands twice; each verdict needs a name of its own`;
    },
  },
];

function atLeast(value: number, what: string, least: number, reason: string): string | undefined {
  return value >= least ? undefined : `${value} must be at least ${what}, ${least}, ${reason}`;
}

function firstRepeated(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return names.find((name) => seen.size === seen.add(name).size);
}

/** Whether listening on one takes the port from the other. */
function sameAddress(a: string, b: string): boolean {
  const all = ['0.0.0.0', '::'];
  return a.toLowerCase() === b.toLowerCase() || all.includes(a) || all.includes(b);
}
