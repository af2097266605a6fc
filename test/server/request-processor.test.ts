import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { z } from 'zod';
import { BusyError, InvalidMessageError, WireError } from '#src/errors.js';
import { BaseHandler, CommandRegistry } from '#src/handlers/base-handler.js';
import { defineCommand, type CommandContext } from '#src/handlers/command.js';
import { PeerStats } from '#src/server/peer-stats.js';
import { RequestProcessor } from '#src/server/request-processor.js';
import { textDecoder } from '#src/text-encoding.js';

/** Classifications that end when the test says so. */
class ManualHandler extends BaseHandler {
  readonly running = new Map<string, (error?: Error) => void>();
  readonly contexts = new Map<string, CommandContext>();
  readonly commands = [
    defineCommand({
      code: 0x01,
      name: 'classification',
      role: 'operator',
      order: 'classification',
      args: z.array(z.unknown()).min(1),
      maxArguments: 100,
      expected: 'names',
      images: (names) => names.length,
      run: (names, context) =>
        new Promise((resolve, reject) => {
          const name = String(names[0]);
          this.contexts.set(name, context);
          const end = (error?: Error) => {
            this.running.delete(name);
            if (error === undefined) resolve([{ file_name: name, result: 1, error_code: 0 }]);
            else reject(error);
          };
          this.running.set(name, end);
          const stop = () => {
            const reason: unknown = context.signal.reason;
            this.running.delete(name);
            resolve([{ file_name: name, error_code: reason instanceof WireError ? reason.code : -1 }]);
          };
          if (context.signal.aborted) stop();
          else context.signal.addEventListener('abort', stop);
        }),
    }),
    defineCommand({
      code: 0x03,
      name: 'stop classification',
      role: 'operator',
      order: 'stop',
      args: z.tuple([]),
      expected: 'empty or null',
      run: (_none, context) => {
        context.stopClassifications();
        return Promise.resolve([{ result: 2, error_code: 0 }]);
      },
    }),
    defineCommand({
      code: 0x22,
      name: 'current model',
      role: 'viewer',
      order: 'read',
      args: z.tuple([]),
      expected: 'empty or null',
      run: () => Promise.resolve([{ file_name: 'm.onnx', result: 2, error_code: 0 }]),
    }),
    defineCommand({
      code: 0x26,
      name: 'change model',
      role: 'admin',
      order: 'read',
      args: z.tuple([z.string()]),
      maxArguments: 1,
      expected: 'one name',
      run: () => Promise.reject(new Error('a path such as /etc/passwd')),
    }),
  ];
}

/** Processors of the test that runs; what still runs in them ends with it. */
const opened: RequestProcessor[] = [];
afterEach(() => {
  for (const processor of opened.splice(0)) processor.abandon();
});

function setUp(
  options: {
    requestTimeoutMs?: number;
    room?: number;
    maxInFlightBytes?: number;
    maxPendingRequests?: number;
  } = {},
) {
  const handler = new ManualHandler();
  const stats = new PeerStats({ id: 'h/1', host: 'h', worker: 'h:1:x', address: '::1', port: 1 }, 'operator');
  const replies: string[] = [];
  const faults: string[] = [];
  const processor = new RequestProcessor(
    {
      registry: new CommandRegistry([handler]),
      decode: textDecoder('utf-8'),
      replyTerminator: '',
      maxImageBytes: 1000,
      requestTimeoutMs: options.requestTimeoutMs ?? 60_000,
      maxQueuedImages: 4,
      maxInFlightBytes: options.maxInFlightBytes ?? 1_000_000,
      maxPendingRequests: options.maxPendingRequests ?? 100,
      assertRoom: (images) => {
        if (images > (options.room ?? 100)) throw new BusyError('full');
      },
    },
    stats,
    {
      onReply: (bytes) => replies.push(short(bytes.toString())),
      onProgress: () => undefined,
      onFault: (command, reason) => faults.push(`${command}: ${reason}`),
    },
  );
  opened.push(processor);
  const send = (cmd: number, args: readonly unknown[] = []) =>
    processor.accept(Buffer.from(JSON.stringify({ cmd, request_data: args })), 2);
  return { handler, stats, replies, faults, processor, send };
}

/** `cmd: name code …` of each item. */
function short(reply: string): string {
  const { cmd, response_data } = z
    .object({ cmd: z.number().nullable(), response_data: z.array(z.looseObject({ error_code: z.number() })) })
    .parse(JSON.parse(reply));
  const items = response_data.map(
    ({ file_name, error_code }) => `${typeof file_name === 'string' ? file_name : '-'} ${error_code}`,
  );
  return `${cmd ?? 'null'}: ${items.join(', ')}`;
}

/** Lets everything that is already decided happen. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

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
    assert.ok(processor.aheadBytes > 0);
    const { handler: other, send: sendOther } = setUp();
    sendOther(1, ['a', 'a2', 'a3', 'a4', 'a5', 'a6']);
    assert.deepEqual([...other.running.keys()], ['a']);
  });

  test('wait too where what runs holds too many bytes, images inside messages included', async () => {
    const { handler, processor, send } = setUp({ maxInFlightBytes: 100 });
    send(1, ['a', 'x'.repeat(80)]);
    send(1, ['b']);
    assert.deepEqual([...handler.running.keys()], ['a']);
    assert.ok(processor.heldBytes > 100);
    handler.running.get('a')?.();
    await settled();
    assert.deepEqual([...handler.running.keys()], ['b']);
    handler.running.get('b')?.();
    await settled();
    assert.equal(processor.heldBytes, 0);
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
    assert.equal(processor.aheadBytes, 0);
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
    assert.ok(processor.aheadBytes > 0);
    send(3);
    await settled();
    assert.deepEqual(replies, ['2: a 7', '2: b 7', '2: c 7', '2: d 7', 'null: - 1', '4: - 0']);
    assert.equal(processor.aheadBytes, 0);
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
    assert.deepEqual([processor.aheadBytes, processor.heldBytes, processor.owed], [0, 0, 0]);
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
    processor.accept(Buffer.from('{nonsense}'), 1);
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
    stats.role = 'admin';
    send(0x26, ['m.onnx']);
    await settled();
    assert.deepEqual(replies, ['null: - 9']);
    assert.deepEqual(faults, ['change model: a path such as /etc/passwd']);
    assert.equal(processor.owed, 0);
  });

  test('tells the role before it looks at the arguments', async () => {
    const { replies, send } = setUp();
    send(0x26, []);
    await settled();
    assert.deepEqual(replies, ['null: - 5']);
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
    const alone = processor.heldBytes - 3;
    processor.attach(three());
    assert.equal(processor.heldBytes, alone + 6);
    attachments[0]?.release();
    assert.equal(processor.heldBytes, alone + 3);
    handler.running.get('[object Object]')?.();
    await settled();
    assert.equal(processor.heldBytes, 0, 'the end of the request releases the rest');
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
