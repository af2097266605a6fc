// What is not done in time: images, requests that do not end, connections that rest.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LocalServer } from '#src/cli/local-server.js';
import { sample } from '../support/pictures.js';
import { askFolder, codesOf, folder, item, refused, reply, request } from '../support/replies.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';

const many = request(1, Array(500).fill('normal-01.jpg'));

describe('a server with little patience', () => {
  const messageTimeoutMs = 800;
  const unfinished = refused(1, `the request was not finished within ${messageTimeoutMs} ms`);
  let server: LocalServer;
  before(async () => {
    server = await startServer(
      null,
      ...['--cluster.workers', '1', '--limits.request_timeout_ms', '400'],
      ...['--limits.message_timeout_ms', String(messageTimeoutMs)],
    );
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
  });

  /** Resolves when a time as long as that of a request has passed, and another connection was closed for it. */
  const messageTime = () =>
    Wire.use(server.port, async (wire) => {
      wire.send('{"cmd"');
      await wire.closed();
      assert.equal(wire.received, `${unfinished}\n`);
    });

  /** Resolves when so many images have been judged, one after the other: time in which nothing else happens. */
  const someImages = (count: number) =>
    Wire.use(server.port, async (wire) => {
      for (let asked = 0; asked < count; asked++) await wire.ask(request(1, ['normal-01.jpg']));
    });

  test('answers images that are late with code 4, those that run and those never begun, and goes on', () =>
    Wire.use(server.port, async (wire) => {
      wire.send(many + many + request(0x30, ['models/samples']) + many + askFolder);
      const [first = '', second = '', barrier = '', behind = '', read] = await wire.replies(5);
      const codes = codesOf(first);
      assert.equal(codes.length, 500);
      const late = codes.indexOf(4);
      // Two are under way at a time, and the one that was begun later may be judged first.
      const behindThose = codes.slice(late + 2);
      assert.ok(late >= 0 && late < 200, `the first ones are judged in time, and no more: ${late}`);
      assert.deepEqual(behindThose, Array(behindThose.length).fill(4));
      for (const text of [second, behind]) assert.deepEqual(codesOf(text), Array(500).fill(4));
      assert.deepEqual([barrier, read], [reply(0x31, item('models/samples', 2, 0)), folder]);
      assert.equal(await wire.ask(request(1, ['normal-01.jpg'])), reply(2, item('normal-01.jpg', 1, 0)));
    }));

  test('counts the time of images from the last byte of their request', async () => {
    const bytes = await sample('normal-01.jpg');
    await Wire.use(server.port, async (wire) => {
      wire.send(request(1, ['normal-02.jpg', { file_name: 'a', bytes: bytes.length }]));
      wire.send(bytes.subarray(0, 1_000));
      // Another request is late meanwhile, so that more than its time has passed.
      await Wire.use(server.port, async (other) => {
        assert.equal(codesOf(await other.ask(many)).at(-1), 4);
      });
      wire.send(bytes.subarray(1_000));
      assert.equal(await wire.reply(), reply(2, item('normal-02.jpg', 1, 0), item('a', 1, 0)));
    });
  });

  for (const [what, text] of [
    ['a request', '{"cmd": 0x32,'],
    ['an attached image', `${request(1, ['normal-01.jpg', { file_name: 'a', bytes: 5 }])}xx`],
  ] as const) {
    test(`closes on ${what} that does not end, after it has answered what came before`, () =>
      Wire.use(server.port, async (wire) => {
        wire.send(request(1, ['normal-01.jpg']) + text);
        await wire.closed();
        assert.equal(wire.received, `${reply(2, item('normal-01.jpg', 1, 0))}\n${unfinished}\n`);
        const line = await server.line(({ msg }) => msg === 'request unfinished; closing');
        assert.equal(typeof line['peer'], 'string');
      }));
  }

  test('gives an attached image no more time than its message had left', async () => {
    const closed: string[] = [];
    const first = await Wire.open(server.port);
    first.send('{"cmd": 1, ');
    await someImages(20);
    const second = await Wire.open(server.port);
    second.send('{"cmd"');
    await someImages(10);
    first.send('"request_data": [{"file_name": "a", "bytes": 5}]}x');
    await Promise.all([
      first.closed().then(() => closed.push('first')),
      second.closed().then(() => closed.push('second')),
    ]);
    assert.equal(first.received, `${unfinished}\n`);
    assert.deepEqual(closed, ['first', 'second'], 'the one that began first');
    for (const wire of [first, second]) wire.close();
  });

  test('has all the time for a peer whose requests are whole, refused ones with skipped bytes too', () =>
    Wire.use(server.port, async (wire) => {
      assert.match(await wire.ask(request(1, [{ bytes: 5 }])), /"error_code": 1/);
      wire.send('xxxxx');
      await messageTime();
      assert.equal(await wire.ask(askFolder), folder);
      assert.equal(await wire.ask('hello'), refused(1, 'a request must start with {'));
      await messageTime();
      assert.equal(await wire.ask(askFolder), folder);
    }));
});

describe('a server that closes connections which rest', () => {
  test('closes those on which nothing comes, goes or is owed', async (t) => {
    const server = await startServer(t, '--cluster.workers', '1', '--limits.idle_timeout_ms', '400');
    const [busy, slow, silent] = [
      await Wire.open(server.port),
      await Wire.open(server.port),
      await Wire.open(server.port),
    ];
    busy.send(request(1, Array(100).fill('normal-01.jpg')));
    slow.send('{"cmd": 0x32, ');
    await silent.closed();
    assert.equal(silent.received, '', 'without a word');
    assert.deepEqual(codesOf(await busy.reply()), Array(100).fill(0));
    assert.equal(await slow.ask('"request_data": null}'), folder);
    for (const wire of [busy, slow]) {
      await wire.closed();
      assert.equal(wire.received, '');
    }
    for (const wire of [busy, slow, silent]) wire.close();
    assert.equal(await server.stop(), 0);
  });
});
