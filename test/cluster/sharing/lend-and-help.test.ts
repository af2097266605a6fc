// A lender and its helpers over real sockets; what they lend and judge are names.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { pino } from 'pino';
import { FrameReader, frameStart } from '#src/cluster/sharing/frame-reader.js';
import { Helper } from '#src/cluster/sharing/helper.js';
import { Lender } from '#src/cluster/sharing/lender.js';
import {
  toHelperSchema,
  toLenderSchema,
  type SharingNews,
  type ToHelper,
  type ToLender,
} from '#src/cluster/sharing/share-messages.js';
import type { ThreadAnswer } from '#src/detector/inference/thread-answer.js';
import type { ImageSource } from '#src/detector/inference/thread-messages.js';
import { takeMemory } from '#src/image-memory.js';
import { eventually } from '../../support/deadline.js';

const log = pino({ level: 'silent' });
const verdict: ThreadAnswer = { ok: true, detections: [], decodeMs: 1, inferenceMs: 2 };

const until = (what: string, holds: () => boolean) => eventually(what, () => (holds() ? true : null));

/** A lender of the images `sources`, and what became of them. */
async function lenderOf(context: TestContext, sources: ImageSource[]) {
  const folder = mkdtempSync(join(tmpdir(), 'pear-lender-'));
  const socketPath = join(folder, '1');
  const settled: ThreadAnswer[] = [];
  const back: ImageSource[] = [];
  const announcements: number[] = [];
  const lender = new Lender({
    socketPath,
    maxImageBytes: 1_000_000,
    lend: (model) => {
      if (model !== 'm') return null;
      const source = sources.shift();
      if (source === undefined) return null;
      return {
        source,
        settle: (answer) => settled.push(answer),
        giveBack: () => back.push(source),
      };
    },
    announce: (announcement) => announcements.push(announcement),
    log,
  });
  await lender.listen();
  context.after(() => {
    lender.close();
    rmSync(folder, { recursive: true });
  });
  return { lender, socketPath, settled, back, announcements };
}

/** A helper with `room` places, whose images end when the test says so. */
function helperWith(context: TestContext, room: number, model = 'm') {
  const judging: { source: ImageSource; end: () => void }[] = [];
  const news: SharingNews[] = [];
  let taken = 0;
  const helper = new Helper({
    model: () => model,
    spare: () => room - taken,
    judge: async (source) => {
      taken += 1;
      await new Promise<void>((resolve) => judging.push({ source, end: resolve }));
      taken -= 1;
      helper.spare();
      return verdict;
    },
    maxImageBytes: 1_000_000,
    tell: (what) => news.push(what),
    log,
  });
  context.after(() => {
    helper.close();
  });
  const endOne = async () => {
    await until('an image to judge', () => judging.length > 0);
    const image = judging.shift();
    image?.end();
    return image?.source;
  };
  return { helper, judging, news, endOne };
}

const named = (name: string): ImageSource => ({ type: 'file', folder: '/photos', name });

describe('a worker with nothing to do', () => {
  test('judges what waits with another one, names and bytes, and then says that nothing is left', async (context) => {
    const bytes = new Uint8Array(300_000).map((_, index) => index % 251);
    const { lender, socketPath, settled, announcements } = await lenderOf(context, [
      named('a.jpg'),
      { type: 'bytes', bytes },
      named('b.jpg'),
    ]);
    const { helper, endOne, news } = helperWith(context, 2);
    helper.spare();
    assert.deepEqual(news.shift(), { news: 'helps nobody', free: true, dry: null });
    lender.wait();
    lender.wait();
    assert.deepEqual(announcements, [1], 'what is announced need not be announced again');
    helper.help('other', socketPath);
    assert.deepEqual(await endOne(), named('a.jpg'));
    const second = await endOne();
    assert.ok(second?.type === 'bytes');
    assert.deepEqual(Buffer.from(second.bytes), Buffer.from(bytes));
    assert.deepEqual(await endOne(), named('b.jpg'));
    await until('three verdicts and the news', () => settled.length === 3 && news.length === 1);
    assert.deepEqual(settled, [verdict, verdict, verdict]);
    assert.deepEqual(news, [
      { news: 'helps nobody', free: true, dry: { workerId: 'other', announcement: 1 } },
    ]);
    assert.equal(helper.judged, 3);
    lender.wait();
    assert.deepEqual(announcements, [1, 2]);
  });

  test('never takes more than it has room for', async (context) => {
    const { socketPath } = await lenderOf(context, ['a', 'b', 'c', 'd', 'e'].map(named));
    const { helper, judging, endOne } = helperWith(context, 2);
    helper.help('other', socketPath);
    await until('two images', () => judging.length === 2);
    await endOne();
    await until('two images', () => judging.length === 2);
    assert.equal(judging.length, 2);
  });

  test('declines when own images have come meanwhile, and offers itself again when they are done', async (context) => {
    const { socketPath, settled } = await lenderOf(context, [named('a')]);
    const { helper, news } = helperWith(context, 0);
    helper.help('other', socketPath);
    assert.deepEqual(news, [{ news: 'helps nobody', free: false, dry: null }]);
    helper.spare();
    assert.deepEqual(news[1], { news: 'helps nobody', free: true, dry: null });
    assert.deepEqual(settled, []);
  });

  test('with another model gets nothing', async (context) => {
    const { socketPath, back } = await lenderOf(context, [named('a')]);
    const { helper, news, judging } = helperWith(context, 2, 'another');
    helper.help('other', socketPath);
    await until('news for the primary', () => news.length === 1);
    assert.deepEqual([judging.length, back.length], [0, 0]);
  });

  test('asks the primary anew after many images of one worker, which may not be the one that needs it most', async (context) => {
    const { socketPath, settled } = await lenderOf(
      context,
      Array.from({ length: 100 }, (_, index) => named(`${index}`)),
    );
    const { helper, news, endOne } = helperWith(context, 2);
    helper.help('other', socketPath);
    while (news.length === 0) await endOne();
    assert.deepEqual(news, [{ news: 'helps nobody', free: true, dry: null }]);
    await until('the last verdicts', () => settled.length >= 62);
    assert.ok(settled.length <= 64);
  });

  test('offers itself again some time after the other one could not be reached', async (context) => {
    const { helper, news } = helperWith(context, 2);
    helper.help('gone', '/nowhere/at/all');
    await until('news for the primary', () => news.length === 1);
    assert.deepEqual(news, [{ news: 'helps nobody', free: true, dry: null }]);
  });

  test('leaves one that does not answer, and offers itself to others', async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'pear-silent-'));
    const silent = createServer();
    await once(silent.listen(join(folder, '1')), 'listening');
    context.after(() => {
      silent.close();
      rmSync(folder, { recursive: true });
    });
    const { helper, news } = helperWith(context, 2);
    helper.help('silent', join(folder, '1'));
    await until('news for the primary', () => news.length === 1);
    assert.deepEqual(news, [{ news: 'helps nobody', free: true, dry: null }]);
  });

  test('told to stop, takes nothing more and still answers what it has', async (context) => {
    const { socketPath, settled, back } = await lenderOf(context, ['a', 'b', 'c'].map(named));
    const { helper, news, judging, endOne } = helperWith(context, 1);
    helper.help('other', socketPath);
    await until('an image', () => judging.length === 1);
    const stopped = helper.stop();
    await endOne();
    await stopped;
    await until('its verdict', () => settled.length === 1);
    helper.spare();
    assert.deepEqual([news, back, judging], [[], [], []]);
  });

  test('sends back what is for a model that serves no more, and its memory serves the next image', async (context) => {
    const bytes = new Uint8Array(300_000);
    const { socketPath, back } = await lenderOf(context, [{ type: 'bytes', bytes }]);
    let memory: ArrayBufferLike | null = null;
    const helper = new Helper({
      model: () => 'm',
      spare: () => 1,
      judge: (source) => {
        memory = source.type === 'bytes' ? source.bytes.buffer : null;
        return Promise.resolve(null);
      },
      maxImageBytes: 1_000_000,
      tell: () => undefined,
      log,
    });
    context.after(() => {
      helper.close();
    });
    helper.help('other', socketPath);
    await until('the image back', () => back.length === 1);
    const [next, another] = [takeMemory(300_000), takeMemory(300_000)];
    assert.equal(next.buffer, memory);
    assert.notEqual(another.buffer, memory);
  });
});

describe('a worker whose images wait', () => {
  test('judges itself what a helper had when it died', async (context) => {
    const { socketPath, back, settled } = await lenderOf(context, [named('a'), named('b')]);
    const { helper, judging } = helperWith(context, 2);
    helper.help('other', socketPath);
    await until('two images', () => judging.length === 2);
    helper.close();
    await until('both images back', () => back.length === 2);
    assert.deepEqual([back, settled], [[named('a'), named('b')], []]);
  });

  test('judges itself what a helper has that is heard of no more, and hears no late answer', async (context) => {
    const { socketPath, back, settled } = await lenderOf(context, [named('a')]);
    const { socket, says, tell } = await rawHelper(context, socketPath);
    tell({ type: 'pull', model: 'm' });
    await until('the image back', () => back.length === 1);
    assert.deepEqual(
      says.map(({ type }) => type),
      ['image', 'ping'],
    );
    tell({ type: 'answer', id: 1, answer: verdict });
    await until('the end of the connection', () => socket.closed);
    assert.deepEqual([back, settled], [[named('a')], []]);
  });

  test('uses the memory of a lent image again once its verdict has come, and not before', async (context) => {
    const bytes = takeMemory(300_000);
    const memory = bytes.buffer;
    const { socketPath, settled } = await lenderOf(context, [{ type: 'bytes', bytes }]);
    const { says, tell } = await rawHelper(context, socketPath);
    tell({ type: 'pull', model: 'm' });
    await until('the image', () => says.length === 1);
    assert.notEqual(takeMemory(300_000).buffer, memory);
    tell({ type: 'answer', id: 1, answer: verdict });
    await until('its verdict', () => settled.length === 1);
    // The system tells when all has left; the other side may have it before.
    await until('its memory', () => takeMemory(300_000).buffer === memory);
  });

  test('keeps the bytes of an image that comes back', async (context) => {
    const bytes = takeMemory(300_000);
    bytes.fill(7);
    const { socketPath, back } = await lenderOf(context, [{ type: 'bytes', bytes }]);
    const { socket, says, tell } = await rawHelper(context, socketPath);
    tell({ type: 'pull', model: 'm' });
    await until('the image', () => says.length === 1);
    socket.destroy();
    await until('the image back', () => back.length === 1);
    assert.notEqual(takeMemory(300_000).buffer, bytes.buffer);
    assert.ok(bytes.every((byte) => byte === 7));
  });

  test('waits for a helper that takes long and lives', async (context) => {
    const { socketPath, back, settled } = await lenderOf(context, [named('a')]);
    const { says, tell } = await rawHelper(context, socketPath);
    tell({ type: 'pull', model: 'm' });
    // Each time later than silence would have been told.
    for (let pings = 1; pings <= 2; pings++) {
      await until('a ping', () => says.filter(({ type }) => type === 'ping').length === pings);
      tell({ type: 'pong' });
    }
    assert.deepEqual([back, settled], [[], []]);
    tell({ type: 'answer', id: 1, answer: verdict });
    await until('its verdict', () => settled.length === 1);
    assert.deepEqual(back, []);
  });
});

test('a worker that helps says that it lives, also while it waits for an image', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'pear-asking-'));
  const heard: ToLender[] = [];
  const asking = createServer((socket) => {
    const reader = new FrameReader(limits, (text) => heard.push(toLenderSchema.parse(JSON.parse(text))));
    socket.on('data', (chunk) => {
      reader.push(Buffer.from(chunk));
    });
    socket.write(frameStart(JSON.stringify({ type: 'ping' }), 0));
  });
  await once(asking.listen(join(folder, '1')), 'listening');
  context.after(() => {
    asking.close();
    rmSync(folder, { recursive: true });
  });
  const { helper, news } = helperWith(context, 2);
  helper.help('asking', join(folder, '1'));
  await until('an answer', () => heard.length === 2);
  assert.deepEqual(heard, [{ type: 'pull', model: 'm' }, { type: 'pong' }]);
  // The image that it asked for never comes, and a ping is none.
  await until('it gives up', () => news.length === 1);
});

const limits = { maxTextBytes: 1_000_000, maxBytes: 1_000_000 };

/** The side of a helper, word by word. */
async function rawHelper(context: TestContext, socketPath: string) {
  const socket = connect({ path: socketPath });
  const says: ToHelper[] = [];
  const reader = new FrameReader(limits, (text) => says.push(toHelperSchema.parse(JSON.parse(text))));
  socket.on('data', (chunk: Buffer) => {
    reader.push(chunk);
  });
  // What is said to one that listens no more.
  socket.on('error', () => undefined);
  context.after(() => {
    socket.destroy();
  });
  await once(socket, 'connect');
  const tell = (message: ToLender) => socket.write(frameStart(JSON.stringify(message), 0));
  return { socket, says, tell };
}
