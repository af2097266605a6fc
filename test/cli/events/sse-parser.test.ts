// Server-sent events, however they are cut.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SseParser } from '#src/cli/events/sse-parser.js';

const text =
  ': hello\n\nid: 1-0\nevent: opened\ndata: {"a":1}\n\n: alive\n\nid: 1-1\ndata: x\ndata: y\n\nid: 2';

test('gives the data of each whole event, cut at any place', () => {
  for (let at = 0; at <= text.length; at++) {
    const parser = new SseParser();
    const data = [...parser.push(text.slice(0, at)), ...parser.push(text.slice(at))];
    assert.deepEqual(data, ['{"a":1}', 'x\ny'], `cut at ${at}`);
  }
});
