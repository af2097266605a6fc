import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OutputTail } from '#src/detector/proof/output-tail.js';

test('of what a process writes the last lines are kept, in one line and without what a terminal obeys', () => {
  const tail = new OutputTail();
  assert.equal(tail.lines(), '');
  for (let line = 0; line < 10_000; line++) tail.add(Buffer.from(`line ${line}\n`));
  assert.equal(tail.lines(), 'line 9995 | line 9996 | line 9997 | line 9998 | line 9999');
  tail.add(Buffer.from('\u001b[2Jcleared\r\n'));
  assert.match(tail.lines(), /line 9999 \|  \[2Jcleared$/);
  tail.add(Buffer.alloc(1_000_000, 'x'));
  assert.equal(tail.lines(), 'x'.repeat(1000));
});
