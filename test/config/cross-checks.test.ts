import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { load, problemsOf } from './workspace.js';

const at = (...lines: readonly number[]): string =>
  `(${lines.map((line) => `config/server_config.yaml, line ${line}`).join('; ')})`;

/** Keys below connections.redis, and what is wrong with them. */
const redisCases = (
  [
    ['{url: "redis://a:b@h", username: c}', 'username: connections.redis.url names a user, too; keep one'],
    ['{username: c}', 'username: needs a password; set connections.redis.password_path or password'],
    ['{password: c, password_path: d}', 'password: connections.redis.password_path is set, too; keep one'],
    ['{url: "redis://a:b@h", password: c}', 'password: connections.redis.url has a password, too; keep one'],
    [
      '{url: "redis://:b@h", password_path: c}',
      'password_path: connections.redis.url has a password, too; keep one',
    ],
    [
      '{url: "rediss://h", tls: {cert_path: c}}',
      'tls.cert_path: needs its private key in connections.redis.tls.key_path',
    ],
    [
      '{url: "rediss://h", tls: {key_path: c}}',
      'tls.key_path: needs its certificate in connections.redis.tls.cert_path',
    ],
    [
      '{url: "redis://h", tls: {ca_path: c}}',
      'tls.ca_path: is for TLS, but connections.redis.url does not begin with rediss://',
    ],
    [
      '{url: "redis://h", tls: {verify: false}}',
      'tls.verify: is for TLS, but connections.redis.url does not begin with rediss://',
    ],
    [
      '{sentinels: [h], sentinel_name: m, tls: {server_name: c}}',
      'tls.server_name: is for TLS, but connections.redis.url does not begin with rediss:// (rediss:///0 will do, since Sentinels say where Redis is)',
    ],
    [
      '{sentinels: [h]}',
      'sentinels: need the name of their master in connections.redis.sentinel_name, such as mymaster',
    ],
    ['{sentinel_name: m}', 'sentinel_name: is for Sentinels; name them in connections.redis.sentinels'],
    [
      '{sentinel_password: m}',
      'sentinel_password: is for Sentinels; name them in connections.redis.sentinels',
    ],
    [
      '{sentinels: [h], sentinel_name: m, sentinel_username: u}',
      'sentinel_username: needs a password; set connections.redis.sentinel_password_path or sentinel_password',
    ],
    [
      '{sentinels: [h], sentinel_name: m, sentinel_password: u, sentinel_password_path: v}',
      'sentinel_password: connections.redis.sentinel_password_path is set, too; keep one',
    ],
  ] as const
).map(([keys, problem]): [string, string] => [
  `connections: {redis: ${keys}}`,
  `connections.redis.${problem} ${at(1)}`,
]);

/** Keys below server.tls and admin.tls. */
const tlsCases: [string, string][] = [
  ...(['server', 'admin'] as const).flatMap((section): [string, string][] => [
    [
      `${section}: {tls: {cert_path: c}}`,
      `${section}.tls.cert_path: needs its private key in ${section}.tls.key_path ${at(1)}`,
    ],
    [
      `${section}: {tls: {key_path: c}}`,
      `${section}.tls.key_path: needs its certificate in ${section}.tls.cert_path ${at(1)}`,
    ],
    [
      `${section}: {tls: {client_ca_path: c}}`,
      `${section}.tls.client_ca_path: is for TLS, but no certificate is set; set ${section}.tls.cert_path and key_path ${at(1)}`,
    ],
  ]),
  [
    'server: {tls: {cert_path: c, key_path: k, require_client_certificate: true}}',
    `server.tls.require_client_certificate: needs the authority of those certificates in server.tls.client_ca_path ${at(1)}`,
  ],
];

describe('Values that do not go together', () => {
  const cases: readonly [file: string, problem: string][] = [
    [
      'limits: {max_batch: 3000}',
      `limits.max_queued_images: 2000 must be at least limits.max_batch, 3000, or the largest request never starts ${at(1)}`,
    ],
    [
      'limits:\n  max_image_bytes: 2000\n  max_message_bytes: 3000\n  max_in_flight_bytes: 4999',
      `limits.max_in_flight_bytes: 4999 must be at least limits.max_message_bytes + limits.max_image_bytes, 5000, or the image behind the largest request is never read ${at(4, 3, 2)}`,
    ],
    [
      'connections: {heartbeat_interval_ms: 7501}',
      `connections.lease_ms: 15000 must be at least twice connections.heartbeat_interval_ms, 15002, or one late heartbeat makes a worker count as gone ${at(1)}`,
    ],
    [
      'connections: {key_ttl_ms: 44999}',
      `connections.key_ttl_ms: 44999 must be at least twice connections.lease_ms + three times connections.heartbeat_interval_ms, 45000, or peers of a lost host vanish unrecorded before it may be removed ${at(1)}`,
    ],
    [
      'cluster: {orphan_timeout_ms: 15000}',
      `cluster.orphan_timeout_ms: 15000 must be less than connections.lease_ms, 15000, or a worker counts as gone while it still replies ${at(1)}`,
    ],
    [
      'connections: {store: redis}',
      `connections.store: "redis" needs connections.redis.url (or the environment variable REDIS_URL) or connections.redis.sentinels ${at(1)}`,
    ],
    [
      'connections: {redis: {url: "redis://h", command_timeout_ms: 4001}}',
      `connections.redis.command_timeout_ms: 4001 must be at most 4000, 2/5 of connections.lease_ms without connections.heartbeat_interval_ms, or one call that hangs makes a worker count as gone; lower it, or raise the lease ${at(1)}`,
    ],
    ...redisCases,
    ...tlsCases,
    ['admin: {port: 9090}', `admin.port: 9090 is server.port, too; each needs a port of its own ${at(1)}`],
    [
      'server: {host: 10.0.0.1}\nadmin: {port: 9090, host: "::"}',
      `admin.port: 9090 is server.port, too; each needs a port of its own ${at(2, 1)}`,
    ],
    [
      'model: {classes: [a, b, a]}',
      `model.classes: "a" stands twice; each verdict needs a name of its own ${at(1)}`,
    ],
  ];
  for (const [file, problem] of cases) {
    it(`are a mistake: ${file.replaceAll(/\s+/g, ' ')}`, () => {
      assert.deepEqual(problemsOf({ file }), [problem]);
    });
  }

  it('are not spoken of where one of them is a mistake already', () => {
    const problems = problemsOf({ file: 'limits: {max_batch: x, max_queued_images: 1}' });
    assert.deepEqual(problems.length, 1);
  });

  it('are all named at once', () => {
    const file = 'limits: {max_batch: 3000, max_in_flight_bytes: 1024}\nadmin: {port: 9090}';
    assert.equal(problemsOf({ file }).length, 3);
  });
});

describe('Values at the edge of going together', () => {
  const files = [
    'limits: {max_batch: 2000}',
    'limits: {max_peers: 1}',
    'limits: {max_in_flight_bytes: 50331648}',
    'connections: {heartbeat_interval_ms: 7500}',
    'connections: {key_ttl_ms: 45000}',
    'cluster: {orphan_timeout_ms: 14999}',
    'connections: {store: redis, redis: {url: "redis://h"}}',
    'connections: {store: redis, redis: {sentinels: ["h:1", "[::1]:2"], sentinel_name: m}}',
    'connections: {redis: {url: "redis://u@h", password: p}}',
    'connections: {redis: {url: "redis://:p@h", username: u}}',
    'connections: {redis: {url: "rediss://h", tls: {ca_path: a, cert_path: b, key_path: c, server_name: d}}}',
    'connections: {redis: {url: "rediss:///0", sentinels: [h], sentinel_name: m, tls: {ca_path: a}}}',
    'connections: {redis: {tls: {ca_path: a}}}',
    'server: {port: 0}\nadmin: {port: 0}',
    'server: {host: 10.0.0.1}\nadmin: {port: 9090}',
    'admin: {port: 9090, enabled: false}',
    'server: {tls: null}',
    'server: {tls: {cert_path: c, key_path: k, client_ca_path: a, require_client_certificate: true}}',
    'admin: {tls: {cert_path: c, key_path: k}}',
  ];
  for (const file of files) {
    it(`are accepted: ${file.replaceAll(/\s+/g, ' ')}`, () => {
      assert.deepEqual(load({ file }).notes, []);
    });
  }

  it('are accepted with a note where a Redis URL is not used', () => {
    const given = { argv: ['--connections.store', 'embedded'], env: { REDIS_URL: 'redis://:hunter2@h' } };
    assert.deepEqual(load(given).notes, [
      'connections.redis.url: not used, because connections.store is embedded (environment variable REDIS_URL)',
    ]);
  });

  it('are accepted with a warning where the certificate of Redis is not checked', () => {
    const notes = load({ file: 'connections: {redis: {url: "rediss://h", tls: {verify: false}}}' }).notes;
    assert.equal(notes.length, 1);
    assert.match(notes[0] ?? '', /^connections\.redis\.tls\.verify: false: whoever stands between/);
  });
});
