// The order of one peer's requests, what overtakes it, and the turns that peers take.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import type { LocalServer } from '#src/cli/local-server.js';
import { eventually } from '../support/deadline.js';
import { codesOf, folder, item, refused, reply, request } from '../support/replies.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';

const serving = 'pear-starter-int8.onnx';
const stopped = reply(4, '{"result": 2, "error_code": 0}');
const stop = request(3, null);
/** A request for so many images, more than any machine judges at once. */
const images = (count: number, id: string) =>
  request(1, Array(count).fill('normal-01.jpg'), { request_id: id });
const one = request(1, ['defective-01.jpg']);
const oneJudged = reply(2, item('defective-01.jpg', 0, 0));
const oneStopped = reply(2, item('defective-01.jpg', null, 7));

let server: LocalServer;
before(async () => {
  server = await startServer(
    null,
    ...['--cluster.workers', '1', '--limits.max_batch', '5000', '--limits.max_queued_images', '5000'],
    ...['--connections.heartbeat_interval_ms', '50', '--connections.flush_interval_ms', '10000'],
  );
});
after(async () => {
  assert.equal(await server.stop(), 0);
});

/** Asserts that only what was running when 0x03 came was judged, of `count` images. */
function assertStopped(text: string, count: number): void {
  const codes = codesOf(text);
  assert.equal(codes.length, count);
  const judged = codes.filter((code) => code === 0).length;
  assert.equal(codes.filter((code) => code === 7).length, count - judged);
  assert.ok(judged < count / 2, `${judged} of ${count} were judged`);
}

describe('replies', () => {
  test('leave in the order of requests, whatever is done first', () =>
    Wire.use(server.port, async (wire) => {
      const asked = [
        [
          request(1, ['normal-01.jpg', 'missing.jpg']),
          reply(2, item('normal-01.jpg', 1, 0), item('missing.jpg', null, 2)),
        ],
        [request(0x32, null), folder],
        [one, oneJudged],
        ['{x}', refused(1, 'the request is not valid JSON')],
        [request(0x26, [serving]), reply(0x27, item(serving, 2, 0))],
        [one, oneJudged],
        [request(0x22, null), reply(0x23, item(serving, 2, 0))],
        [request(0x99, null), refused(3, 'there is no command 153')],
        [request(0x30, ['missing']), reply(0x31, item('missing', 1, 2))],
        [request(0x30, ['models/samples']), reply(0x31, item('models/samples', 2, 0))],
        [request(1, []), null],
        [request(0x32, null), folder],
        [request(1, ['empty-01.jpg']), reply(2, item('empty-01.jpg', -1, 0))],
      ] as const;
      wire.send(asked.map(([text]) => text).join(''));
      const replies = await wire.replies(asked.length);
      for (const [index, [text, expected]] of asked.entries()) {
        if (expected !== null) assert.equal(replies[index], expected, text);
        else assert.deepEqual(codesOf(replies[index] ?? ''), [1]);
      }
    }));

  test('keep their order across barriers behind many images', () =>
    Wire.use(server.port, async (wire) => {
      wire.send(images(100, 'many') + request(0x30, ['models/samples']) + request(0x32, null) + one);
      const [first = '', ...others] = await wire.replies(4);
      assert.deepEqual(codesOf(first), Array(100).fill(0));
      assert.deepEqual(others, [reply(0x31, item('models/samples', 2, 0)), folder, oneJudged]);
    }));
});

describe('a read', () => {
  /** What 0x40 says is under way for its own connection. */
  const inFlightOf = (text: string, port: number | undefined) => {
    const peer = z.object({ port: z.int(), in_flight: z.int() });
    const { response_data } = z
      .object({ response_data: z.array(z.object({ result: peer })) })
      .parse(JSON.parse(text));
    return response_data.find(({ result }) => result.port === port)?.result.in_flight;
  };

  test('does not wait for the images before it, but for the barrier before it', () =>
    Wire.use(server.port, async (wire) => {
      const list = request(0x40, null);
      wire.send(images(100, 'a') + list);
      const beside = (await wire.replies(2))[1] ?? '';
      assert.equal(inFlightOf(beside, wire.socket.localPort), 100, 'asked while the images were judged');
      for (const [cmd, args] of [
        [0x10, ['token']],
        [0x20, ['https://example.org/a.onnx']],
        [0x26, [serving]],
        [0x28, [serving]],
        [0x30, ['models/samples']],
        [0x34, ['models']],
      ] as const) {
        wire.send(images(20, 'b') + request(cmd, args) + list);
        const behind = (await wire.replies(3))[2] ?? '';
        assert.equal(inFlightOf(behind, wire.socket.localPort), 0, `behind 0x${cmd.toString(16)}`);
      }
    }));
});

describe('0x03', () => {
  test('with nothing to stop is answered, as often as it is sent', () =>
    Wire.use(server.port, async (wire) => {
      wire.send(stop.repeat(3) + request(0x32, null) + stop);
      assert.deepEqual(await wire.replies(5), [stopped, stopped, stopped, folder, stopped]);
    }));

  test('stops what is not started; each request still has its reply, in order, and then comes its own', () =>
    Wire.use(server.port, async (wire) => {
      wire.send(images(300, 'many') + one + request(0x32, null) + stop + stop + one + request(0x32, null));
      const [first = '', ...others] = await wire.replies(7);
      assertStopped(first, 300);
      assert.match(first, /"request_id": "many"\}$/);
      assert.deepEqual(others, [oneStopped, folder, stopped, stopped, oneJudged, folder]);
    }));

  test('does not wait behind requests that wait for the limits of their peer', () =>
    Wire.use(server.port, async (wire) => {
      wire.send(images(5_000, 'a') + images(5_000, 'b') + images(5_000, 'c') + stop);
      const [a = '', b = '', c = '', last] = await wire.replies(4);
      assertStopped(a, 5_000);
      for (const text of [b, c]) assert.deepEqual(codesOf(text), Array(5_000).fill(7));
      assert.equal(last, stopped);
    }));

  test('does not wait behind a barrier, and stops what waits there, the barrier itself not', () =>
    Wire.use(server.port, async (wire) => {
      wire.send(images(300, 'a') + request(0x26, [serving]) + one + request(0x22, null) + stop + one);
      const [first = '', ...others] = await wire.replies(6);
      assertStopped(first, 300);
      const model = reply(0x23, item(serving, 2, 0));
      assert.deepEqual(others, [reply(0x27, item(serving, 2, 0)), oneStopped, model, stopped, oneJudged]);
    }));

  test('touches its own peer only', async () => {
    const other = await Wire.open(server.port);
    other.send(images(30, 'other'));
    await Wire.use(server.port, async (wire) => {
      assert.equal(await wire.ask(one), oneJudged);
      assert.equal(await wire.ask(stop), stopped);
    });
    assert.deepEqual(codesOf(await other.reply()), Array(30).fill(0));
    other.close();
  });
});

describe('peers', () => {
  test('take turns image by image: many of one do not hold up those of another', async () => {
    const busy = await Wire.open(server.port);
    busy.send(images(500, 'busy'));
    await Wire.use(server.port, async (wire) => {
      const text = await wire.ask(request(1, Array(20).fill('defective-01.jpg')));
      assert.deepEqual(codesOf(text), Array(20).fill(0));
      for (let asked = 0; asked < 10; asked++) assert.equal(await wire.ask(one), oneJudged);
      for (let asked = 0; asked < 10; asked++) assert.equal(await wire.ask(request(0x32, null)), folder);
      assert.equal(busy.received, '', 'answered while the images of the other are judged');
      busy.send(stop);
      assertStopped(await busy.reply(), 500);
    });
    busy.close();
  });

  test('that are gone have their work dropped, not done', () =>
    Wire.use(server.port, async (wire) => {
      const underWay = async () => {
        const text = await wire.ask(request(0x44, null));
        const [, queued = '', inFlight = ''] = /"queued": (\d+), "in_flight": (\d+)/.exec(text) ?? [];
        return Number(queued) + Number(inFlight);
      };
      const gone = await Wire.open(server.port);
      // Closing with bytes unread in the kernel resets the connection, as a crash does, with no end of input before it.
      gone.socket.pause();
      gone.send(request(0x32, null).repeat(4_000) + images(5_000, 'gone').repeat(2));
      const areUnderWay = async () => ((await underWay()) > 1_000 ? true : null);
      await eventually('its images are under way', areUnderWay);
      gone.close();
      // Far less time than the images would take.
      const dropped = async () => ((await underWay()) === 0 ? true : null);
      await eventually('nothing is under way', dropped, 10_000);
      const mine = '"port": \\d+[^}]*"in_flight": 0[^}]*\\}, "error_code": 0\\}';
      const alone = new RegExp(`^\\{"cmd": 65, "response_data": \\[\\{[^{]*\\{[^{}]*${mine}\\]`);
      assert.match(await wire.ask(request(0x40, null)), alone);
    }));
});
