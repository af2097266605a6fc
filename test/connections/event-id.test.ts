import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventIdOf, parseEventId } from '#src/connections/event-id.js';
import { InvalidMessageError } from '#src/errors.js';

test('an id of an event is the millisecond and a number within it, as Redis writes it', () => {
  assert.equal(eventIdOf({ ms: 1785369600000, number: 3 }), '1785369600000-3');
  assert.deepEqual(parseEventId('1785369600000-3'), { ms: 1785369600000, number: 3 });
});

test('what is no id of an event is refused', () => {
  for (const id of ['', '-', '1', '1-', '-1', '1-2-3', '(1-2', '1-2 ', '+', '$', `${'9'.repeat(16)}-0`]) {
    assert.throws(() => parseEventId(id), InvalidMessageError, id);
  }
});
