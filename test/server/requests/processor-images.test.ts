// Images: how many the worker has room for, and those that come behind their request.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InvalidMessageError } from '#src/errors.js';
import { settled, setUp } from './processor.js';

describe('the room of the worker', () => {
  test('counts images from their turn until they are answered', async () => {
    const { handler, replies, room, send } = setUp({ room: 5 });
    send(1, ['a', 'a2', 'a3']);
    assert.throws(() => {
      room.assertImages(3);
    });
    room.assertImages(2);
    handler.running.get('a')?.();
    await settled();
    room.assertImages(5);
    room.countImages(3);
    send(1, ['b', 'b2', 'b3']);
    await settled();
    assert.deepEqual(replies, ['2: a 0', 'null: - 6']);
  });

  test('is no matter for what the own limits of a peer hold back, but at its turn', async () => {
    const { handler, replies, room, send } = setUp({ room: 5 });
    send(1, ['a', 'a2', 'a3']);
    send(1, ['b', 'b2', 'b3']);
    send(1, ['c', 'c2', 'c3']);
    handler.running.get('a')?.();
    await settled();
    room.countImages(2);
    handler.running.get('b')?.();
    await settled();
    room.countImages(1);
    handler.running.get('c')?.();
    await settled();
    assert.deepEqual(replies, ['2: a 0', '2: b 0', '2: c 0']);
    send(1, ['d']);
    send(1, ['e', 'e2', 'e3', 'e4']);
    room.countImages(1);
    handler.running.get('d')?.();
    await settled();
    assert.deepEqual(replies.slice(3), ['2: d 0', 'null: - 6']);
  });

  test('is left by a peer that goes, whatever waited', async () => {
    const { processor, room, send } = setUp({ room: 5 });
    send(1, ['a', 'a2', 'a3']);
    send(1, ['b', 'b2']);
    processor.abandon();
    await settled();
    room.assertImages(5);
  });

  test('that holds too many bytes refuses images, and nothing else', async () => {
    const { replies, room, send } = setUp();
    room.share().set(1_000_001);
    send(1, ['a']);
    send(0x22);
    await settled();
    assert.deepEqual(replies, ['null: - 6', '35: m.onnx 0']);
  });
});

describe('attached images', () => {
  const element = { file_name: 'a', bytes: 3 };
  const three = () => new Uint8Array([1, 2, 3]);

  test('are announced to the framing, kept where the request runs, skipped where it is refused', () => {
    const { send } = setUp({ room: 1 });
    assert.deepEqual(send(1, [element]), { type: 'attachments', sizes: [3], keep: true });
    assert.deepEqual(send(1, [element, element]), { type: 'attachments', sizes: [3, 3], keep: false });
    assert.deepEqual(send(1, [{ file_name: 'a', bytes: 0 }]), { type: 'close' });
    assert.deepEqual(send(0x22), { type: 'none' });
  });

  test('are handed over as each is whole, and count for the peer until they are released', async () => {
    const { handler, processor, send } = setUp();
    send(1, [element, element]);
    const attachments = handler.contexts.get('[object Object]')?.attachments ?? [];
    assert.equal(attachments.length, 2);
    processor.attach(three());
    assert.equal((await attachments[0]?.bytes)?.length, 3);
    const alone = processor.load.heldBytes - 3;
    processor.attach(three());
    assert.equal(processor.load.heldBytes, alone + 6);
    attachments[0]?.release();
    assert.equal(processor.load.heldBytes, alone + 3);
    handler.running.get('[object Object]')?.();
    await settled();
    assert.equal(processor.load.heldBytes, 0, 'the end of the request releases the rest');
  });

  test('that will not all come turn their request into one refusal', async () => {
    const { processor, replies, send } = setUp();
    send(1, [element, element]);
    processor.attach(three());
    assert.equal(processor.breakOff(new InvalidMessageError('cut off')), true);
    await settled();
    assert.deepEqual(replies, ['null: - 1']);
    assert.equal(processor.breakOff(new InvalidMessageError('cut off')), false);
  });
});

describe('many requests that find the server full at their turn', () => {
  test('are each refused, however many they are', async () => {
    const { handler, processor, replies, room, send, stats } = setUp({
      maxPendingRequests: 10_000,
      room: 10,
    });
    send(0x10, ['x']);
    const count = 5_000;
    for (let sent = 0; sent < count; sent++) send(1, ['a']);
    room.countImages(10);
    await settled();
    handler.barriers[0]?.();
    while (replies.length < count + 1) await settled();
    assert.deepEqual(new Set(replies.slice(1)), new Set(['null: - 6']));
    const { aheadBytes, heldBytes, replyBytes } = processor.load;
    assert.deepEqual([aheadBytes, heldBytes, replyBytes, stats.inFlight, processor.owed], [0, 0, 0, 0, 0]);
  });
});

describe('what comes when a peer has been given up', () => {
  test('is answered with code 4 and not judged', async () => {
    const { handler, processor, replies, send } = setUp();
    send(1, ['a']);
    processor.giveUp();
    send(1, ['b']);
    await settled();
    assert.deepEqual(replies, ['2: a 4', '2: b 4']);
    assert.equal(handler.running.size, 0);
  });
});
