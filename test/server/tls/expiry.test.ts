import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expiryWarning } from '#src/server/tls/expiry.js';

const dayMs = 86_400_000;
const validFrom = Date.UTC(2026, 0, 1);
const validTo = Date.UTC(2026, 3, 1, 12);
const at = (now: number) => expiryWarning({ subject: 'CN=pear', validFrom, validTo }, now);

test('a certificate is spoken of from a fortnight before its end, and after it', () => {
  assert.equal(at(validTo - 14 * dayMs), null);
  assert.match(
    at(validTo - 14 * dayMs + 1) ?? '',
    /\(CN=pear\) expires on 2026-04-01 12:00 UTC, in 13 days; put a new one/,
  );
  assert.match(at(validTo - 2 * dayMs) ?? '', /in 2 days;/);
  assert.match(at(validTo - dayMs) ?? '', /in 1 day;/);
  assert.match(at(validTo) ?? '', /in less than a day;/);
  assert.match(at(validTo + 1) ?? '', /has expired on 2026-04-01 12:00 UTC, less than a day ago/);
  assert.match(at(validTo + 3 * dayMs) ?? '', /3 days ago: clients refuse it/);
});

test('a certificate that is not valid yet is spoken of', () => {
  assert.match(at(validFrom - 1) ?? '', /valid from 2026-01-01 00:00 UTC only.*clock/);
  assert.equal(at(validFrom), null);
});

test('a warning is the same for a day, so that it is said once a day', () => {
  assert.equal(at(validTo - 3 * dayMs + 1), at(validTo - 2 * dayMs - 1));
  assert.notEqual(at(validTo - 3 * dayMs + 1), at(validTo - 2 * dayMs + 1));
});
