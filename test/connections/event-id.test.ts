import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventIdOf, isLaterEvent, parseEventId } from '#src/connections/event-id.js';
import { InvalidMessageError } from '#src/errors.js';

test('an id of an event is the millisecond and a number within it, as Redis writes it', () => {
  assert.equal(eventIdOf({ ms: 1785369600000, number: 3 }), '1785369600000-3');
  assert.deepEqual(parseEventId('1785369600000-3'), { ms: 1785369600000n, number: 3n });
});

test('what is no id of an event is refused', () => {
  for (const id of [
    '',
    '-',
    '1',
    '1-',
    '-1',
    '1-2-3',
    '(1-2',
    '1-2 ',
    '+',
    '$',
    '0x1-0',
    '18446744073709551616-0',
    '0-18446744073709551616',
    `${'9'.repeat(21)}-0`,
  ]) {
    assert.throws(() => parseEventId(id), InvalidMessageError, id);
  }
});

test('ids of all 64 bits that Redis has are compared exactly', () => {
  const largest = '18446744073709551615-18446744073709551615';
  assert.equal(isLaterEvent(largest, '18446744073709551615-18446744073709551614'), true);
  assert.equal(isLaterEvent('1799999999999999999-0', '1799999999999999998-9'), true);
  assert.equal(isLaterEvent('1799999999999999999-0', largest), false);
  assert.equal(isLaterEvent(largest, largest), false);
  assert.equal(isLaterEvent('10-0', '9-0'), true);
});
