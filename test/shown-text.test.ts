// Text of others, as it is shown: nothing in it steers a terminal.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapeControls, shownText } from '#src/shown-text.js';

const binary = fc.string({ unit: 'binary', maxLength: 300 });
const steering = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

test('text of others is shown short, on one line, and without what a terminal obeys', () => {
  assert.equal(shownText('a\x1b[2J\x9b2J\u202eb'), 'a\\u001b[2J\\u009b2J\\u202eb');
  assert.equal(shownText('x'.repeat(1_000)), `${'x'.repeat(80)}…`);
  fc.assert(
    fc.property(binary, (text) => {
      assert.doesNotMatch(shownText(text), steering);
      assert.ok(shownText(text).length < 500);
    }),
  );
});

test('JSON means the same without control characters', () => {
  fc.assert(
    fc.property(fc.dictionary(binary, fc.array(binary)), (value) => {
      const text = escapeControls(JSON.stringify(value));
      assert.doesNotMatch(text, steering);
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
    }),
  );
});
