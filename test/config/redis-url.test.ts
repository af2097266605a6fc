import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseSentinel } from '#src/config/redis-schema.js';
import { parseRedisUrl } from '#src/config/redis-url.js';

const plain = {
  isTls: false,
  host: 'h',
  port: null,
  socketPath: null,
  family: null,
  database: 0,
  username: null,
  password: null,
};

describe('A URL of Redis', () => {
  for (const [url, expected] of [
    ['redis://h', plain],
    ['rediss://h:6380/2', { ...plain, isTls: true, port: 6380, database: 2 }],
    ['redis://pear@h', { ...plain, username: 'pear' }],
    ['redis://:a%23b@h', { ...plain, password: 'a#b' }],
    ['redis://[::1]:6379', { ...plain, host: '::1', port: 6379 }],
    ['rediss:///3', { ...plain, isTls: true, host: '', database: 3 }],
    ['redis://h/0?path=/run/redis.sock', { ...plain, socketPath: '/run/redis.sock' }],
    ['redis://h?family=6&password=x&username=y', { ...plain, family: 6, username: 'y', password: 'x' }],
    ['http://h', null],
    ['redis://h/one', null],
    ['redis://h:port', null],
    ['redis://u:%zz@h', null],
    ['redis://h?family=5', null],
    ['redis://h?enableOfflineQueue=true', null],
  ] as const) {
    it(expected === null ? `is not ${url}` : `says all of ${url}`, () => {
      assert.deepEqual(parseRedisUrl(url), expected);
    });
  }

  it('may have any user and password, percent-encoded', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(text, text, (username, password) => {
        const url = `redis://${encodeURIComponent(username)}:${encodeURIComponent(password)}@h`;
        assert.deepEqual(parseRedisUrl(url), { ...plain, username, password });
      }),
    );
  });
});

describe('The address of a Sentinel', () => {
  for (const [address, expected] of [
    ['10.0.0.5:26380', { host: '10.0.0.5', port: 26380 }],
    ['redis-1.example', { host: 'redis-1.example', port: 26379 }],
    ['[fd00::5]:26380', { host: 'fd00::5', port: 26380 }],
    ['::1', { host: '::1', port: 26379 }],
    ['', null],
    ['redis://h:1', null],
    ['h:0', null],
    ['h:65536', null],
    ['[h]:1', null],
    ['a b', null],
  ] as const) {
    it(expected === null ? `is not "${address}"` : `may be ${address}`, () => {
      assert.deepEqual(parseSentinel(address), expected);
    });
  }
});
