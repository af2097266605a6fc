// The page of the configuration gives each limit with the reason that the schema has.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { limits } from '#src/config/limits-schema.js';

test('each limit on what clients may take stands in docs/configuration.md with its reason', () => {
  const rows = readFileSync('docs/configuration.md', 'utf8').split('\n');
  for (const [key, schema] of Object.entries(limits.shape)) {
    const reason = schema.description ?? '';
    assert.notEqual(reason, '', key);
    const row = rows.find((line) => line.startsWith(`| \`${key}\` |`));
    // What it must be to other limits stands in a table of its own.
    assert.ok(row?.includes(reason.replace(/ At least .*/, '')), key);
  }
});
