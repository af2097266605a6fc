// What clients may take of the server: each limit stands in the configuration, with its default and its reason.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { limits } from '#src/config/limits-schema.js';
import { configSchema } from '#src/config/schema.js';

const defaults = limits.parse({});

describe('limits on what clients may take', () => {
  for (const [what, keys] of [
    ['peers in all and of one address', ['max_peers', 'max_peers_per_address']],
    ['bytes of a peer and of all', ['max_in_flight_bytes', 'max_held_bytes_total']],
    [
      'requests and images of a peer and of all',
      ['max_pending_requests', 'max_queued_images', 'max_queued_images_total'],
    ],
    ['the size and the time of a message', ['max_message_bytes', 'message_timeout_ms']],
    ['the time of a request, and of replies that are not read', ['request_timeout_ms', 'write_timeout_ms']],
    ['a batch', ['max_batch']],
    ['an image: its bytes and its pixels', ['max_image_bytes', 'max_image_pixels']],
  ] as const) {
    test(`there is one on ${what}, by default too`, () => {
      for (const key of keys) assert.ok(defaults[key] > 0, key);
    });
  }

  test('each has its reason, which the documentation of the configuration gives with the default', () => {
    const page = readFileSync('docs/configuration.md', 'utf8');
    for (const [key, schema] of Object.entries(limits.shape)) {
      const reason = schema.description ?? '';
      assert.ok(reason.length > 20, key);
      const row = page.split('\n').find((line) => line.startsWith(`| \`${key}\` |`));
      assert.ok(row?.includes(reason.replace(/ At least .*/, '')), `${key} stands in docs/configuration.md`);
    }
  });

  test('rest is allowed for ever unless told otherwise, since lines sleep at night', () => {
    assert.equal(defaults.idle_timeout_ms, null);
  });

  test('a picture may have 50 million pixels unless told otherwise', () => {
    assert.equal(configSchema.parse({}).limits.max_image_pixels, 50_000_000);
  });
});
