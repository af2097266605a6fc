// What is said of errors that the library words for programmers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { troubleOf } from '#src/connections/redis/trouble.js';

for (const [message, words] of [
  [
    'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest" option for details.',
    'the connection broke; see whether it runs',
  ],
  [
    'Command timed out',
    'it did not answer within connections.redis.command_timeout_ms; see whether it hangs, or is too far away for that',
  ],
] as const) {
  test(`"${message}" is told as something that an operator can look into`, () => {
    assert.deepEqual(troubleOf(new Error(message)), { kind: 'away', words });
  });
}
