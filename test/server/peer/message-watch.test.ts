import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageWatch } from '#src/server/peer/message-watch.js';
import { stopClock } from './clock.js';

test('a request that comes in has its time once, and only while the peer is read', (t) => {
  const pass = stopClock(t);
  let late = 0;
  const watch = new MessageWatch(1_000, () => late++);

  watch.run();
  pass(600);
  watch.run();
  watch.rest();
  pass(60_000);
  watch.run();
  pass(399);
  assert.equal(late, 0);
  pass(1);
  assert.equal(late, 1);
  watch.stop();

  watch.run();
  pass(999);
  watch.stop();
  watch.run();
  pass(999);
  assert.equal(late, 1, 'the next request has its own time');
  watch.stop();
  pass(60_000);
  assert.equal(late, 1);
});
