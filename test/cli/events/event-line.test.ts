// An event as a line.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventLine } from '#src/cli/events/event-line.js';

test('an IPv6 address stands apart from its port', () => {
  const event = { id: '1', at: 0, type: 'opened', host: 'h', peer: 'h/1.a.1', port: 5000 } as const;
  assert.match(eventLine({ ...event, address: '::1' }), /  \[::1\]:5000$/);
  assert.match(eventLine({ ...event, address: '127.0.0.1' }), /  127\.0\.0\.1:5000$/);
});

test('a change of the model names the worker and the model', () => {
  const event = {
    id: '1',
    at: 0,
    type: 'model changed',
    host: 'h',
    worker: 'h:1:a',
    model: 'pears.onnx',
  } as const;
  assert.match(eventLine(event), /  model changed  h:1:a  pears\.onnx$/);
});
