// The configuration's one schema: sections, keys, defaults, ranges and the reason of each default.
// The typed configuration, the JSON Schema for editors and the error messages all come from here.
import { isIP } from 'node:net';
import { z } from 'zod';
import { encodingAliases, encodings } from '../text-encoding.js';
import { hourMs, milliseconds } from './durations.js';
import { limits } from './limits-schema.js';
import { redis } from './redis-schema.js';
import { security } from './security-schema.js';
import { adminTls, serverTls } from './tls-schema.js';

export { roles, type Role } from './security-schema.js';

const port = z.int().min(0).max(65535);
/** A text of the form `pattern`, which `expected` says in words. */
const patterned = (pattern: RegExp, expected: string) =>
  z.string({ error: expected }).regex(pattern, { error: expected });
const nonEmpty = 'a non-empty text';

const server = z.strictObject({
  host: z.string().min(1).default('0.0.0.0').describe('Address to listen on.'),
  port: port.default(9090).describe('Port to listen on; 0 takes any free one.'),
  max_connections: z
    .int()
    .min(1)
    .max(65535)
    .default(1024)
    .describe(
      'Listen backlog: connections that may wait for being accepted (peers are limited by limits.max_peers).',
    ),
  encoding: z
    .preprocess(canonicalEncoding, z.enum(encodings, { error: ({ input }) => expectedEncoding(input) }))
    .default('utf-8')
    .describe('Character encoding of requests.'),
  proxy_protocol: z
    .array(
      z
        .string()
        .refine(isAddressOrNetwork, { error: 'an address or a network, such as 10.0.0.5 or 10.0.0.0/8' }),
    )
    .default([])
    .describe(
      'Balancers whose connections begin with a PROXY header (v1 or v2), which then counts as their address.',
    ),
  reply_terminator: z
    .string()
    .max(8)
    .default('\n')
    .describe('What ends each reply; "" gives the very bytes of the Python server.'),
  tls: serverTls.prefault({}),
});

const model = z.strictObject({
  model_path: z
    .string()
    .min(1)
    .default('models/pear-starter-int8.onnx')
    .describe('The ONNX model that serves: a detector or a classifier.'),
  preprocessor_path: z
    .string()
    .min(1)
    .nullable()
    .default(null)
    .describe(
      'A detector that finds the pear for the classifier at model_path; null: that model judges alone.',
    ),
  threads: z
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe(
      'Threads of a worker that share the work of one image. More make a single image faster and all together slower; with cluster.workers: auto there are fewer workers then.',
    ),
  memory_arena: z
    .boolean()
    .default(true)
    .describe(
      'Whether a worker keeps the memory of one inference for the next; false takes less between images and is slower.',
    ),
  img_path: z.string().min(1).default('models/samples').describe('Folder of the images that 0x01 names.'),
  confidence_threshold: z
    .number()
    .gt(0)
    .max(1)
    .nullable()
    .default(null)
    .describe(
      'Only detections above it count; null takes what the model says, else 0.5 (a classifier alone: none).',
    ),
  img_size: z
    .int()
    .min(32)
    .max(4096)
    .nullable()
    .default(null)
    .describe('Side of the square input of model_path in pixels; null takes what the model says.'),
  classes: z
    .array(z.string({ error: nonEmpty }).min(1, { error: nonEmpty }))
    .min(1)
    .nullable()
    .default(null)
    .describe('Names of the verdicts in the order of the model; null takes what the model says.'),
});

const logging = z.strictObject({
  level: z
    .preprocess(canonicalLevel, z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']))
    .default('info')
    .describe("Least severe level that is logged; Python's names (WARNING, CRITICAL) are understood."),
  format: z
    .enum(['auto', 'json', 'pretty'])
    .default('auto')
    .describe('auto: readable on a terminal, JSON lines elsewhere.'),
  file: z.string().min(1).nullable().default(null).describe('Also append JSON lines to this file.'),
});

const cluster = z.strictObject({
  workers: z
    .union([z.literal('auto'), z.int().min(1).max(256)], { error: '"auto" or a whole number from 1 to 256' })
    .default('auto')
    .describe(
      'Worker processes; auto: one for each core that this process may use, by its CPU affinity and the limits of its container.',
    ),
  share_images: z
    .boolean()
    .default(true)
    .describe(
      'Whether a worker with nothing to do judges images that wait with another one, so that one connection can use all cores.',
    ),
  host_id: patterned(/^[A-Za-z0-9._-]{1,64}$/, '1 to 64 characters of A-Z a-z 0-9 . _ -')
    .nullable()
    .default(null)
    .describe('Name of this host in the view of connections; null: hostname and port.'),
  judging_niceness: z
    .int()
    .min(0)
    .max(19)
    .default(10)
    .describe(
      'How much nicer than the event loops the threads are that decode and infer, so that trivial commands are answered while every core is busy; Linux only.',
    ),
  state_dir: z
    .string()
    .min(1)
    .default('state')
    .describe(
      'Folder in which what clients change (0x26, 0x30, 0x34) is kept over restarts, for each host_id; where it cannot be written nothing can be changed.',
    ),
  commit_timeout_ms: milliseconds(hourMs)
    .default(10_000)
    .describe(
      'A worker that does not follow a change within this time after it was decided, or does not say that it gives one up, is ended and forked anew.',
    ),
  start_timeout_ms: milliseconds(hourMs)
    .default(60_000)
    .describe(
      'A worker that is not ready by then is ended and forked anew. A model that takes longer to load is refused by a change (0x26).',
    ),
  drain_timeout_ms: milliseconds(hourMs)
    .default(10_000)
    .describe('At a stop, how long replies that are owed may take before connections are cut.'),
  orphan_timeout_ms: milliseconds(60_000)
    .default(8_000)
    .describe('How long a worker whose primary was killed may finish its replies.'),
  restart_delay_max_ms: milliseconds(hourMs)
    .default(10_000)
    .describe('Longest wait before a worker that keeps dying is forked again.'),
});

/** Longest `connections.lease_ms`. */
export const leaseMaxMs = 600_000;

const connections = z.strictObject({
  store: z
    .enum(['auto', 'redis', 'embedded', 'none'])
    .default('auto')
    .describe(
      'auto: Redis where connections.redis.url (or REDIS_URL) or connections.redis.sentinels is set, else the memory of the primary. none: connections are not listed.',
    ),
  redis: redis.prefault({}),
  flush_interval_ms: milliseconds(10_000)
    .default(250)
    .describe('How often changed records are written; nothing is written per request.'),
  heartbeat_interval_ms: milliseconds(60_000).default(5_000).describe('How often a worker renews its lease.'),
  lease_ms: milliseconds(leaseMaxMs)
    .default(15_000)
    .describe('A worker silent for longer counts as gone; at least twice the heartbeat.'),
  key_ttl_ms: milliseconds(hourMs)
    .default(60_000)
    .describe(
      'How long keys of a silent worker stay in Redis; at least twice the lease and three heartbeats.',
    ),
});

const admin = z.strictObject({
  enabled: z.boolean().default(true).describe('Serve health, metrics and the view of connections over HTTP.'),
  host: z.string().min(1).default('127.0.0.1').describe('Address of the admin HTTP server.'),
  port: port.default(9091).describe('Port of the admin HTTP server; 0 takes any free one.'),
  tls: adminTls.prefault({}),
});

export const configSchema = z.strictObject({
  server: server.prefault({}),
  model: model.prefault({}),
  logging: logging.prefault({}),
  cluster: cluster.prefault({}),
  connections: connections.prefault({}),
  limits: limits.prefault({}),
  security: security.prefault({}),
  admin: admin.prefault({}),
});

/** The whole checked configuration; frozen once loaded. */
export type Config = z.output<typeof configSchema>;

/** Keys of a configuration of the Python server that mean nothing here: accepted, and logged once. */
export const ignoredKeys: readonly string[] = [
  'ERROR_CODE',
  'server.buffer_size',
  'model.device',
  'model.num_classes',
];

/** Keys whose values may hold a password, or a token by mistake: never printed as they are. */
export const secretKeys: readonly string[] = [
  'security.tokens',
  'connections.redis.url',
  'connections.redis.password',
  'connections.redis.sentinel_password',
];

/** Keys that a variable or option gives as it stands, not as YAML: a password may hold ` #`, or be `null`. */
export const verbatimKeys: readonly string[] = [
  'connections.redis.password',
  'connections.redis.sentinel_password',
];

const pythonLevels: ReadonlyMap<string, string> = new Map([
  ['notset', 'trace'],
  ['warning', 'warn'],
  ['critical', 'fatal'],
]);

function canonicalLevel(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const lower = value.toLowerCase();
  return pythonLevels.get(lower) ?? lower;
}

function isAddressOrNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const bits = isIP(address) === 6 ? 128 : 32;
  const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
  return isIP(address) !== 0 && isPrefix && rest.length === 0;
}

function canonicalEncoding(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const name = value
    .toLowerCase()
    .replaceAll('_', '-')
    .replace(/^iso-?8859-?(?=\d)/, 'iso-8859-');
  return Object.hasOwn(encodingAliases, name) ? encodingAliases[name] : name;
}

/** Encodings that Python knows and that framing cannot read, by the start of their canonical names. */
const unframeable =
  /^(shift-?jis|s-?jis|ms-kanji|cp932|cp936|ms932|windows-31j|gbk|gb-?18030|big-?5|cp949|cp950|ms949|uhc|johab|hz|utf-?(7|16|32)|u(7|16|32)|ucs|iso-?2022)/;

function expectedEncoding(refused: unknown): string {
  const offered = `one of ${encodings.join(', ')}`;
  if (typeof refused !== 'string' || !unframeable.test(refused)) return offered;
  return `${offered} (in this encoding a byte below 0x80 may be part of another character, so the end of a request could not be found)`;
}
