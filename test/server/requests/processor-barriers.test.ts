// Commands that change the server, or what a peer may do: those behind them wait.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InvalidMessageError } from '#src/errors.js';
import { identityOf } from '#src/server/gate.js';
import { settled, setUp } from './processor.js';

describe('a barrier', () => {
  test('waits for what came before it, and what comes behind it waits', async () => {
    const { handler, replies, send } = setUp();
    send(1, ['a']);
    send(0x10, ['x']);
    send(1, ['b']);
    send(0x22);
    send(0x10, ['y']);
    send(1, ['c']);
    await settled();
    assert.deepEqual([[...handler.running.keys()], handler.barriers.length], [['a'], 0]);
    handler.running.get('a')?.();
    await settled();
    assert.deepEqual([[...handler.running.keys()], handler.barriers.length], [[], 1]);
    assert.deepEqual(replies, ['2: a 0']);
    handler.barriers[0]?.();
    await settled();
    assert.deepEqual([[...handler.running.keys()], handler.barriers.length], [['b'], 1]);
    handler.running.get('b')?.();
    await settled();
    handler.barriers[1]?.();
    await settled();
    handler.running.get('c')?.();
    await settled();
    assert.deepEqual(replies, ['2: a 0', '17: x 0', '2: b 0', '35: m.onnx 0', '17: y 0', '2: c 0']);
  });

  test('is overtaken by 0x03, which stops what waits behind it and leaves the barrier alone', async () => {
    const { handler, stats, replies, send } = setUp();
    send(0x10, ['x']);
    send(1, ['a']);
    send(3);
    await settled();
    assert.deepEqual(replies, []);
    handler.barriers[0]?.();
    await settled();
    assert.deepEqual(replies, ['17: x 0', '2: a 7', '4: - 0']);
    assert.equal(stats.inFlight, 0);
  });

  test('decides what those behind it may do: the gate is asked at their turn, before their arguments', async () => {
    const { handler, stats, replies, send } = setUp();
    stats.who = identityOf('viewer');
    send(0x10, ['x']);
    send(1, ['a']);
    send(1, []);
    send(0x10, ['y']);
    send(1, ['b']);
    send(1, []);
    await settled();
    handler.barriers[0]?.();
    await settled();
    stats.who = identityOf('operator');
    handler.barriers[1]?.();
    await settled();
    handler.running.get('b')?.();
    await settled();
    assert.deepEqual(replies, ['17: x 0', 'null: - 5', 'null: - 5', '17: y 0', '2: b 0', 'null: - 1']);
  });

  test('takes no role from those behind it, whatever comes after them', async () => {
    const { handler, stats, replies, send } = setUp();
    stats.who = identityOf('admin');
    send(0x10, ['x']);
    send(0x40, ['a']);
    stats.who = identityOf('operator');
    handler.barriers[0]?.();
    while (replies.length < 2) await settled();
    assert.deepEqual(replies, ['17: x 0', '65: a 0']);
  });

  test('does not lose the images of a request that is refused at its turn', async () => {
    const { handler, stats, processor, replies, send } = setUp();
    stats.who = identityOf('viewer');
    send(0x10, ['x']);
    const element = { file_name: 'a', bytes: 3 };
    assert.deepEqual(send(1, [element, element]), { type: 'attachments', sizes: [3, 3], keep: true });
    processor.attach(new Uint8Array(3));
    handler.barriers[0]?.();
    await settled();
    processor.attach(new Uint8Array(3));
    assert.deepEqual(replies, ['17: x 0', 'null: - 5']);
    assert.deepEqual([processor.load.heldBytes, processor.owed], [0, 0]);
    assert.equal(processor.breakOff(new InvalidMessageError('cut off')), false);
  });

  test('whose peer is gone gives back what waited behind it', async () => {
    const { stats, processor, send } = setUp();
    send(0x10, ['x']);
    send(1, ['a', 'b']);
    assert.equal(stats.inFlight, 2);
    processor.abandon();
    await settled();
    assert.deepEqual([stats.inFlight, processor.load.heldBytes, processor.owed], [0, 0, 0]);
  });
});
