import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FaultLog } from '#src/detector/fault-log.js';

test('the same fault is told of once a minute, with the number of those between', () => {
  const told: string[] = [];
  let now = 0;
  const faults = new FaultLog(
    (reason) => told.push(reason),
    () => now,
  );
  for (let image = 0; image < 1000; image++) faults.add('pear.onnx answered nonsense');
  faults.add('another');
  assert.deepEqual(told, ['pear.onnx answered nonsense', 'another']);
  now = 60_000;
  faults.add('pear.onnx answered nonsense');
  faults.add('pear.onnx answered nonsense');
  now = 120_000;
  faults.add('pear.onnx answered nonsense');
  assert.deepEqual(told.slice(2), [
    'pear.onnx answered nonsense (and 999 times more since this was last told)',
    'pear.onnx answered nonsense (and 1 times more since this was last told)',
  ]);
});

test('faults that are never the same do not fill the memory', () => {
  let told = 0;
  const faults = new FaultLog(
    () => told++,
    () => 0,
  );
  for (let image = 0; image < 1000; image++) faults.add(`fault ${image}`);
  assert.equal(told, 1000);
  // Of the oldest it does not know any more.
  faults.add('fault 0');
  faults.add('fault 999');
  assert.equal(told, 1001);
});
