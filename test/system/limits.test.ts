// Limits of the whole server answer that it is busy; a peer's own limits only slow it down.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LocalServer } from '#src/cli/local-server.js';
import { eventually } from '../support/deadline.js';
import { sample } from '../support/pictures.js';
import { askFolder, codesOf, folder, item, refused, reply, request } from '../support/replies.js';
import { smallLimits as limits } from '../support/small-limits.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';

const tokens = 16 * limits.max_batch + 65_536;
const tooManyImages = 'too many images are waiting; try again';
const tooManyBytes = 'the server holds too many bytes; try again';

let normal: Buffer;
let server: LocalServer;
before(async () => {
  normal = await sample('normal-01.jpg');
  const args = Object.entries(limits).flatMap(([name, value]) => [`--limits.${name}`, String(value)]);
  server = await startServer(null, '--cluster.workers', '1', ...args);
});
after(async () => {
  assert.equal(await server.stop(), 0);
});

/** A connection that is served; those of the test before may still have their places for a moment. */
function openServed(): Promise<Wire> {
  return eventually('there is a place', async () => {
    const wire = await Wire.open(server.port);
    if ((await wire.ask(askFolder)) === folder) return wire;
    wire.close();
    return null;
  });
}

/** Opens connections for the length of `use`. */
async function withWires(count: number, use: (...wires: Wire[]) => Promise<void>): Promise<void> {
  const wires = await Promise.all(Array.from({ length: count }, openServed));
  try {
    await use(...wires);
  } finally {
    for (const wire of wires) {
      wire.finish();
      await wire.closed();
      wire.close();
    }
  }
}

test('a connection over the limit has one reply unasked, and is closed', () =>
  withWires(limits.max_peers, async (...wires) => {
    for (const wire of wires) assert.equal(await wire.ask(askFolder), folder);
    await Wire.use(server.port, async (late) => {
      await late.closed();
      assert.equal(late.received, `${refused(6, 'too many connections; try again later')}\n`);
    });
    for (const wire of wires) assert.equal(await wire.ask(askFolder), folder);
  }));

test('images over the limit of all peers are refused with code 6, and nothing else; later there is room again', () =>
  withWires(4, async (other, ...holders) => {
    for (const wire of holders) wire.send(request(1, Array(20).fill({ file_name: 'a', bytes: 1 })));
    await eventually('all of them are asked for', async () => {
      const text = await other.ask(request(0x40, null));
      return text.split('"in_flight": 20,').length - 1 === holders.length ? true : null;
    });
    assert.equal(await other.ask(request(1, ['missing.jpg'])), refused(6, tooManyImages));
    other.send(request(1, [{ file_name: 'a', bytes: 4 }], { request_id: 'r' }) + '{{{{' + askFolder);
    assert.deepEqual(await other.replies(2), [refused(6, tooManyImages, ', "request_id": "r"'), folder]);
    assert.deepEqual(codesOf(await other.ask(request(1, []))), [1], 'wrong arguments stay wrong');
    for (const wire of holders) wire.send('x'.repeat(20));
    for (const wire of holders) assert.deepEqual(codesOf(await wire.reply()), Array(20).fill(8));
    assert.equal(await other.ask(request(1, ['normal-01.jpg'])), reply(2, item('normal-01.jpg', 1, 0)));
  }));

describe('where a few hold as many bytes as they may', () => {
  const size = limits.max_image_bytes;
  /** Runs `use` while six connections are one byte short of an image each, and then lets them have it. */
  const whileHeld = (use: (late: Wire, other: Wire) => Promise<void>) =>
    withWires(8, async (late, other, ...holders) => {
      for (const wire of holders) {
        wire.send(request(1, [{ file_name: 'a', bytes: size }]));
        wire.send(Buffer.concat([normal, Buffer.alloc(size - 1 - normal.length)]));
      }
      await eventually('all of it has come', async () => {
        const text = await other.ask(request(0x40, null));
        const come = [...text.matchAll(/"bytes_in": (\d+)/g)].map(([, bytes]) => Number(bytes));
        return come.filter((bytes) => bytes > size).length === holders.length ? true : null;
      });
      await use(late, other);
      for (const wire of holders) {
        wire.send('x');
        assert.equal(await wire.reply(), reply(2, item('a', 1, 0)), 'what was taken before is done');
      }
      assert.equal(await other.ask(request(1, ['normal-01.jpg'])), reply(2, item('normal-01.jpg', 1, 0)));
    });

  test('an image that comes in is given up with code 6, its other bytes are skipped, the connection lives', () =>
    whileHeld(async (late, other) => {
      late.send(request(1, [{ file_name: 'late', bytes: 199_000 }], { request_id: 'late' }));
      late.send(Buffer.alloc(198_000, '{'));
      assert.equal(await late.reply(), refused(6, tooManyBytes, ', "request_id": "late"'));
      late.send(Buffer.concat([Buffer.alloc(1_000, '{'), Buffer.from(askFolder)]));
      assert.equal(await late.reply(), folder);
      assert.equal(await other.ask(askFolder), folder);
    }));

  test('a long message that comes in is given up with code 6, and its connection closed', () =>
    whileHeld(async (late) => {
      late.send(`${askFolder}{"cmd": 1, "request_data": ["${'x'.repeat(190_000)}`);
      await late.closed();
      assert.equal(late.received, `${folder}\n${refused(6, tooManyBytes)}\n`);
    }));

  test('those who hold little are served all the same', () =>
    whileHeld(async (late, other) => {
      late.send(request(1, [{ file_name: 'late', bytes: normal.length }]));
      late.send(normal.subarray(0, 50_000));
      assert.equal(await other.ask(request(1, ['normal-01.jpg'])), reply(2, item('normal-01.jpg', 1, 0)));
      late.send(normal.subarray(50_000));
      assert.equal(await late.reply(), reply(2, item('late', 1, 0)));
    }));
});

describe('a peer over its own limits', () => {
  test('is slowed and never told that the server is busy', () =>
    withWires(1, async (wire) => {
      const attached = Buffer.concat([
        Buffer.from(request(1, [{ file_name: 'a', bytes: normal.length }])),
        normal,
      ]);
      const inside = request(1, [{ file_name: 'b', data: normal.toString('base64') }]);
      for (let count = 0; count < 10; count++) {
        wire.send(attached);
        wire.send(inside);
        wire.send(request(1, Array(20).fill('missing.jpg')));
      }
      const missing = reply(2, ...Array<string>(20).fill(item('missing.jpg', null, 2)));
      for (let count = 0; count < 10; count++) {
        assert.equal(await wire.reply(), reply(2, item('a', 1, 0)));
        assert.equal(await wire.reply(), reply(2, item('b', 1, 0)));
        assert.equal(await wire.reply(), missing);
      }
    }));

  test('has its 0x03 seen, though one image behind the last that fits is larger than what is read ahead', () =>
    withWires(1, async (wire) => {
      const size = 180_000;
      assert.ok(
        size > limits.read_ahead_bytes && 3 * size > limits.max_in_flight_bytes + limits.read_ahead_bytes,
      );
      const image = Buffer.concat([normal, Buffer.alloc(size - normal.length)]);
      wire.send(request(1, Array(17).fill('normal-01.jpg')));
      for (let count = 0; count < 3; count++) {
        wire.send(Buffer.concat([Buffer.from(request(1, [{ file_name: 'a', bytes: size }])), image]));
      }
      wire.send(request(3, null));
      const [first = '', ...others] = await wire.replies(5);
      assert.equal(codesOf(first).at(-1), 7);
      assert.deepEqual(others.map(codesOf), [[7], [7], [7], [0]]);
    }));

  test('may attach more than is ever held for it: an image starts when its own bytes are there', () =>
    withWires(1, async (wire) => {
      const images = Array.from({ length: 20 }, () => ({ file_name: 'a', bytes: normal.length }));
      assert.ok(20 * normal.length > 2 * limits.max_in_flight_bytes);
      wire.send(Buffer.concat([Buffer.from(request(1, images)), ...images.map(() => normal)]));
      assert.equal(await wire.reply(), reply(2, ...images.map(() => item('a', 1, 0))));
    }));
});

describe('a request', () => {
  const tooMany = refused(1, 'the request holds too many values');
  for (const [of, text] of [
    ['values', '0,'],
    ['empty arrays', '[],'],
    ['nested arrays', `${'['.repeat(50)}${']'.repeat(50)},`],
  ] as const) {
    test(`of more ${of} than any needs is answered, and its connection lives on`, () =>
      withWires(1, async (wire) => {
        const each = text.replaceAll(/[^[,]/g, '').length;
        /** Three keys with their commas and two brackets are 7 tokens. */
        const withTokens = (count: number) =>
          `{"cmd": 50, "request_data": null, "x": [${text.repeat(Math.floor((count - 7) / each))}0]}`;
        assert.equal(await wire.ask(withTokens(tokens)), folder);
        assert.equal(await wire.ask(withTokens(tokens + each)), tooMany);
        assert.equal(await wire.ask(askFolder), folder);
      }));
  }

  test('of too many values and an image behind it is answered, and its connection closed', () =>
    withWires(1, async (wire) => {
      wire.send(`{"cmd": 1, "request_data": [{"bytes": 2}${',0'.repeat(tokens)}]}{}${askFolder}`);
      await wire.closed();
      assert.equal(wire.received, `${tooMany}\n`);
    }));

  test('may be nested 64 deep and no deeper', () =>
    withWires(1, async (wire) => {
      const nested = (depth: number) =>
        `{"cmd": 50, "request_data": null, "x": ${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
      assert.equal(await wire.ask(nested(64)), folder);
      assert.equal(await wire.ask(nested(65)), refused(1, 'the request is nested too deeply'));
    }));
});
