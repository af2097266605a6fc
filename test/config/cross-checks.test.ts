import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { load, problemsOf } from './workspace.js';

const at = (...lines: readonly number[]): string =>
  `(${lines.map((line) => `config/server_config.yaml, line ${line}`).join('; ')})`;

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
      'connections: {key_ttl_ms: 15000}',
      `connections.key_ttl_ms: 15000 must be more than connections.lease_ms, 15000, or a gone worker's peers vanish unrecorded ${at(1)}`,
    ],
    [
      'cluster: {orphan_timeout_ms: 15000}',
      `cluster.orphan_timeout_ms: 15000 must be less than connections.lease_ms, 15000, or a worker counts as gone while it still replies ${at(1)}`,
    ],
    [
      'connections: {store: redis}',
      `connections.store: "redis" needs connections.redis.url (or the environment variable REDIS_URL) ${at(1)}`,
    ],
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
    'connections: {key_ttl_ms: 15001}',
    'cluster: {orphan_timeout_ms: 14999}',
    'connections: {store: redis, redis: {url: "redis://h"}}',
    'server: {port: 0}\nadmin: {port: 0}',
    'server: {host: 10.0.0.1}\nadmin: {port: 9090}',
    'admin: {port: 9090, enabled: false}',
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
});
