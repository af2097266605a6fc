// In which order requests run and are answered, and how they end.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InvalidMessageError } from '#src/errors.js';
import { identityOf } from '#src/server/gate.js';
import { message, settled, setUp } from './processor.js';

describe('the requests of a peer', () => {
  test('are answered in their order, whichever is done first', async () => {
    const { handler, replies, send } = setUp();
    send(1, ['a']);
    send(0x22);
    send(1, ['b']);
    handler.running.get('b')?.();
    await settled();
    assert.deepEqual(replies, []);
    handler.running.get('a')?.();
    await settled();
    assert.deepEqual(replies, ['2: a 0', '35: m.onnx 0', '2: b 0']);
  });

  test('run side by side up to the limit of images; what is over it waits, and a lone request always runs', () => {
    const { handler, processor, send } = setUp();
    send(1, ['a', 'a2', 'a3']);
    send(1, ['b', 'b2']);
    assert.deepEqual([...handler.running.keys()], ['a']);
    assert.ok(processor.load.aheadBytes > 0);
    const { handler: other, send: sendOther } = setUp();
    sendOther(1, ['a', 'a2', 'a3', 'a4', 'a5', 'a6']);
    assert.deepEqual([...other.running.keys()], ['a']);
  });

  test('wait too where what runs holds too many bytes, images inside messages included', async () => {
    const { handler, processor, send } = setUp({ maxInFlightBytes: 100 });
    send(1, ['a', 'x'.repeat(80)]);
    send(1, ['b']);
    assert.deepEqual([...handler.running.keys()], ['a']);
    assert.ok(processor.load.heldBytes > 100);
    handler.running.get('a')?.();
    await settled();
    assert.deepEqual([...handler.running.keys()], ['b']);
    handler.running.get('b')?.();
    await settled();
    assert.equal(processor.load.heldBytes, 0);
  });

  test('that waited run in their order when there is room', async () => {
    const { handler, processor, replies, send } = setUp();
    send(1, ['a', 'a2', 'a3']);
    send(1, ['b', 'b2', 'b3']);
    send(1, ['c']);
    assert.deepEqual([...handler.running.keys()], ['a'], 'nobody overtakes');
    handler.running.get('a')?.();
    await settled();
    assert.deepEqual([...handler.running.keys()], ['b', 'c']);
    assert.equal(processor.load.aheadBytes, 0);
    handler.running.get('b')?.();
    handler.running.get('c')?.();
    await settled();
    assert.deepEqual(replies, ['2: a 0', '2: b 0', '2: c 0']);
    assert.equal(processor.owed, 0);
  });

  test('are all stopped by 0x03 at once, waiting or running, and each is answered before it', async () => {
    const { stats, replies, send } = setUp();
    send(1, ['a', 'a2', 'a3']);
    send(1, ['b', 'b2', 'b3']);
    send(3);
    send(0x22);
    await settled();
    assert.deepEqual(replies, ['2: a 7', '2: b 7', '4: - 0', '35: m.onnx 0']);
    assert.equal(stats.inFlight, 0);
  });

  test('0x03 leaves later classifications alone', async () => {
    const { handler, replies, send } = setUp();
    send(3);
    send(1, ['a']);
    await settled();
    handler.running.get('a')?.();
    await settled();
    assert.deepEqual(replies, ['4: - 0', '2: a 0']);
  });

  test('end at their deadline with code 4, also where they still wait', async () => {
    const { replies, send } = setUp({ requestTimeoutMs: 20 });
    send(1, ['a', 'a2', 'a3']);
    send(1, ['b', 'b2', 'b3']);
    while (replies.length < 2) await settled();
    assert.deepEqual(replies, ['2: a 4', '2: b 4']);
  });

  test('of a peer that is gone are stopped and answered to nobody', async () => {
    const { handler, replies, stats, processor, send } = setUp();
    send(1, ['a', 'a2', 'a3']);
    send(1, ['b', 'b2', 'b3']);
    processor.abandon();
    await settled();
    assert.deepEqual(replies, []);
    assert.equal(handler.running.size, 0);
    assert.equal(processor.owed, 0);
    assert.equal(stats.inFlight, 0);
  });
});

describe('requests beyond the limit of those that are not answered', () => {
  test('wait, but a 0x03 behind them is seen and stops them all', async () => {
    const { processor, replies, send } = setUp({ maxPendingRequests: 2 });
    for (const name of ['a', 'b', 'c', 'd']) send(1, [name]);
    processor.refuse(new InvalidMessageError('garbage'));
    assert.ok(processor.load.aheadBytes > 0);
    send(3);
    await settled();
    assert.deepEqual(replies, ['2: a 7', '2: b 7', '2: c 7', '2: d 7', 'null: - 1', '4: - 0']);
    assert.equal(processor.load.aheadBytes, 0);
  });

  test('are started in their order as others are answered, reads one at a time', async () => {
    const { handler, processor, replies, send } = setUp({ maxPendingRequests: 2 });
    for (const name of ['a', 'b', 'c']) send(1, [name]);
    for (let reads = 0; reads < 5; reads++) send(0x22);
    await settled();
    assert.deepEqual([...handler.running.keys()], ['a', 'b']);
    for (const name of ['a', 'b', 'c']) {
      handler.running.get(name)?.();
      await settled();
    }
    assert.deepEqual(replies, ['2: a 0', '2: b 0', '2: c 0', ...Array<string>(5).fill('35: m.onnx 0')]);
    assert.deepEqual([processor.load.aheadBytes, processor.load.heldBytes, processor.owed], [0, 0, 0]);
  });
});

describe('a peer that does not take its replies', () => {
  test('has nothing started until it reads again', async () => {
    const { state, handler, processor, replies, send } = setUp();
    state.backedUp = true;
    send(1, ['a']);
    send(0x22);
    send(0x10, ['x']);
    await settled();
    assert.deepEqual([handler.running.size, replies.length], [0, 0]);
    state.backedUp = false;
    processor.resume();
    handler.running.get('a')?.();
    await settled();
    handler.barriers[0]?.();
    await settled();
    assert.deepEqual(replies, ['2: a 0', '35: m.onnx 0', '17: x 0']);
  });
});

describe('a peer whose turn in the event loop is over', () => {
  test('has nothing started until its next one', async () => {
    const { state, processor, replies, send } = setUp();
    state.mayGoOn = false;
    send(0x22);
    send(0x22);
    await settled();
    assert.deepEqual(replies, []);
    state.mayGoOn = true;
    processor.resume();
    await settled();
    assert.equal(replies.length, 2);
  });

  test('has requests that were stopped together answered one after the other', async () => {
    const { state, handler, processor, replies, send } = setUp();
    send(1, ['a', 'b', 'c', 'd']);
    for (let count = 0; count < 10; count++) send(1, ['e']);
    handler.running.get('a')?.();
    send(3);
    // Each answer asks whether the turn goes on before the next one is begun.
    let asked = 0;
    Object.defineProperty(state, 'mayGoOn', { get: () => ++asked < 3 });
    for (const name of ['b', 'c', 'd']) handler.running.get(name)?.();
    await settled();
    const before = replies.length;
    assert.ok(before < 11, `${before} at once`);
    Object.defineProperty(state, 'mayGoOn', { value: true });
    processor.resume();
    await settled();
    assert.equal(replies.length, 12);
  });
});

describe('an error', () => {
  test('of a request is one reply with its code, in its order', async () => {
    const { handler, replies, stats, processor, send } = setUp({ room: 5 });
    send(1, ['a']);
    send(99);
    send(1, []);
    send(0x26, ['m.onnx']);
    send(1, ['b', 2, 3, 4, 5, 6]);
    processor.accept(message('{nonsense}'));
    processor.refuse(new InvalidMessageError('garbage'));
    assert.deepEqual(replies, []);
    handler.running.get('a')?.();
    await settled();
    assert.deepEqual(replies, [
      '2: a 0',
      'null: - 3',
      'null: - 1',
      'null: - 5',
      'null: - 6',
      'null: - 1',
      'null: - 1',
    ]);
    assert.equal(stats.errors, 6);
  });

  test('of our own is code 9 for the client and a line in the log', async () => {
    const { stats, processor, replies, faults, send } = setUp();
    stats.who = identityOf('admin');
    send(0x26, ['m.onnx']);
    await settled();
    assert.deepEqual(replies, ['null: - 9']);
    assert.deepEqual(faults, ['change model: a path such as /etc/passwd']);
    assert.equal(processor.owed, 0);
  });

  test('of the role is decided when the request comes, not when garbage behind it has cost the role', async () => {
    const { stats, replies, send } = setUp();
    stats.who = identityOf('admin');
    send(0x40, ['a']);
    send(0x40, ['b']);
    stats.who = identityOf('operator');
    while (replies.length < 2) await settled();
    assert.deepEqual(replies, ['65: a 0', '65: b 0']);
  });

  test('of the gate comes before the arguments are looked at, and goes to the log', async () => {
    const { replies, faults, send } = setUp();
    send(0x26, []);
    await settled();
    assert.deepEqual(replies, ['null: - 5']);
    assert.deepEqual(faults, ['change model needs the role admin; this connection has the role operator']);
  });
});
