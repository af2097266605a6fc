// The keys below connections.redis: where Redis is, how it is reached, and as whom.
import { isIPv6 } from 'node:net';
import { z } from 'zod';
import { milliseconds } from './durations.js';
import { parseRedisUrl } from './redis-url.js';

const expectedUrl = 'a URL such as redis://127.0.0.1:6379/0 or rediss://user:password@host:6379';
const expectedPrefix = '1 to 64 characters of A-Z a-z 0-9 : . _ -';
const expectedSentinel = 'an address such as 10.0.0.5:26379';
const text = z.string().min(1).nullable().default(null);

const tls = z.strictObject({
  ca_path: text.describe(
    "PEM file of the authorities that Redis's certificate may come from; null: those that Node.js knows.",
  ),
  cert_path: text.describe('PEM file of the certificate that we show to Redis.'),
  key_path: text.describe('PEM file of the private key that belongs to cert_path.'),
  server_name: text.describe("Name that Redis's certificate must bear; null: the host of the URL."),
  verify: z
    .boolean()
    .default(true)
    .describe(
      "Whether Redis's certificate is checked; with false anybody between us and Redis can pose as it.",
    ),
});

export const redis = z.strictObject({
  url: z
    .string({ error: expectedUrl })
    .regex(/^rediss?:\/\/\S+$/, { error: expectedUrl, abort: true })
    .refine((url) => parseRedisUrl(url) !== null, { error: expectedUrl })
    .nullable()
    .default(null)
    .describe(
      'Redis 6.2 or newer; rediss:// for TLS. With sentinels only the scheme, the database, user and password count.',
    ),
  username: text.describe('User at Redis (ACL), where the URL names none.'),
  password: text.describe('Password at Redis, where the URL has none.'),
  password_path: text.describe('File with that password, so that it stands in no configuration.'),
  tls: tls.prefault({}),
  sentinels: z
    .array(z.string().refine((address) => parseSentinel(address) !== null, { error: expectedSentinel }))
    .default([])
    .describe('Sentinels, host:port each, that are asked where the master is.'),
  sentinel_name: text.describe('Name of that master among the Sentinels.'),
  sentinel_username: text.describe('User at the Sentinels, where they want one.'),
  sentinel_password: text.describe('Password at the Sentinels, where they want one.'),
  sentinel_password_path: text.describe('File with that password.'),
  sentinel_tls: z
    .boolean()
    .nullable()
    .default(null)
    .describe('Whether Sentinels speak TLS, with the same files; null: where the URL begins with rediss://.'),
  key_prefix: z
    .string({ error: expectedPrefix })
    .regex(/^[A-Za-z0-9:._-]{1,64}$/, { error: expectedPrefix })
    .default('pear:')
    .describe('Put before every key.'),
  command_timeout_ms: milliseconds(60_000).default(2_000).describe('A call that takes longer has failed.'),
});

export type RedisConfig = z.output<typeof redis>;

/** Port of a Sentinel that is named without one. */
const sentinelPort = 26_379;

/** Host and port of `host`, `host:port` or `[IPv6]:port`; null for what is none of them. */
export function parseSentinel(address: string): { readonly host: string; readonly port: number } | null {
  if (isIPv6(address)) return { host: address, port: sentinelPort };
  const [, bracketed, plain, port = String(sentinelPort)] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) return null;
  return bracketed !== undefined && !isIPv6(bracketed) ? null : { host, port: Number(port) };
}
