// Every command on the real program: what it answers, and that wrong arguments change nothing.
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, realpathSync, rmSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import type { LocalServer } from '#src/cli/local-server.js';
import { peerRecordSchema } from '#src/connections/record.js';
import { commands, settings } from '../support/commands.js';
import { codesOf, item, refused, reply, request } from '../support/replies.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';

const serving = 'pear-starter-int8.onnx';
const settingsReplies = [
  reply(0x23, item(serving, 2, 0)),
  reply(0x25, item(serving, 2, 0), item('pear-starter.onnx', 2, 0)),
  reply(0x33, item('models/samples', 2, 0)),
  reply(0x37, item('models', 2, 0)),
];

let server: LocalServer;
let wire: Wire;
before(async () => {
  server = await startServer(null, '--cluster.workers', '1', '--limits.max_batch', '10');
  wire = await Wire.open(server.port);
});
after(async () => {
  wire.close();
  assert.equal(await server.stop(), 0);
});

async function assertUnchanged(): Promise<void> {
  wire.send(settings);
  assert.deepEqual(await wire.replies(settingsReplies.length), settingsReplies);
}

describe('wrong arguments', () => {
  for (const { cmd, name, wrong } of commands) {
    test(`of 0x${cmd.toString(16)} have code 1 as a whole and change nothing`, async () => {
      const witness = await Wire.open(server.port);
      for (const args of wrong) {
        const text = await wire.ask(request(cmd, args));
        assert.ok(
          text.startsWith('{"cmd": null, "response_data": [{"file_name": null, "result": null, '),
          text,
        );
        assert.deepEqual(codesOf(text), [1], `${JSON.stringify(args)}: ${text}`);
        const isAboutArguments = text.includes(`"message": "${name}: request_data must be `);
        assert.ok(isAboutArguments || text.includes('cursor'), text);
        assert.doesNotMatch(text, /node_modules|\/src\/|\/dist\/| at [A-Z]/, 'no path, no stack');
        assert.ok(!text.includes(process.cwd()));
      }
      await assertUnchanged();
      assert.deepEqual(await witness.ask(request(0x32, null)), settingsReplies[2], 'other connections live');
      witness.close();
    });
  }

  test('of 0x01 are more images than limits.max_batch, too', async () => {
    const names = Array<string>(10).fill('missing.jpg');
    assert.equal(await wire.ask(request(1, names)), reply(2, ...names.map((name) => item(name, null, 2))));
    assert.match(await wire.ask(request(1, [...names, 'one-more.jpg'])), /^\{"cmd": null.*"error_code": 1/);
  });

  test('of 0x03 stop nothing', async () => {
    wire.send(request(1, Array(10).fill('normal-01.jpg')) + request(3, ['x']));
    const [images = '', refusal = ''] = await wire.replies(2);
    assert.deepEqual(codesOf(images), Array(10).fill(0));
    assert.deepEqual(codesOf(refusal), [1]);
  });
});

describe('what a command answers', () => {
  const sha256 = 'aB'.repeat(32);
  const longestName = `${'\u{20000}'.repeat(120)}.onnx`;
  const table: readonly (readonly [cmd: number, args: unknown, expected: string])[] = [
    [0x03, null, reply(4, '{"result": 2, "error_code": 0}')],
    [0x10, ['any'], reply(0x11, item(null, 1, 5))],
    [0x20, ['https://example.org/x/best.onnx?y=z.txt#w'], reply(0x21, item('best.onnx', 1, 5))],
    [0x20, ['https://example.org/best%20(1).onnx', sha256], reply(0x21, item('best (1).onnx', 1, 5))],
    [0x22, null, reply(0x23, item(serving, 2, 0))],
    [0x26, [serving], reply(0x27, item(serving, 2, 0))],
    [0x26, ['pear-starter-int8.pt'], reply(0x27, item('pear-starter-int8.pt', 2, 0))],
    [0x26, ['pear-starter-int8.pth'], reply(0x27, item('pear-starter-int8.pth', 2, 0))],
    [0x26, ['missing.onnx'], reply(0x27, item('missing.onnx', 1, 2))],
    [0x26, ['missing.pt'], reply(0x27, item('missing.pt', 1, 2))],
    [0x26, ['best (1).pt'], reply(0x27, item('best (1).pt', 1, 2))],
    [0x28, ['missing.onnx'], reply(0x29, item('missing.onnx', 1, 2))],
    [0x28, [serving], reply(0x29, item(serving, 1, 1))],
    [0x28, ['pear-starter-int8.pt'], reply(0x29, item('pear-starter-int8.pt', 1, 1))],
    [0x30, ['models/samples'], reply(0x31, item('models/samples', 2, 0))],
    [0x30, ['./models/../models/samples/'], reply(0x31, item('./models/../models/samples/', 2, 0))],
    [0x30, [realpathSync('models/samples')], reply(0x31, item(realpathSync('models/samples'), 2, 0))],
    [0x30, ['missing'], reply(0x31, item('missing', 1, 2))],
    [0x30, ['/etc'], reply(0x31, item('/etc', 1, 2))],
    [0x30, ['../../../etc'], reply(0x31, item('../../../etc', 1, 2))],
    [0x34, ['models'], reply(0x35, item('models', 2, 0))],
    [0x34, ['missing'], reply(0x35, item('missing', 1, 2))],
    [0x34, ['/etc'], reply(0x35, item('/etc', 1, 2))],
  ];
  for (const [cmd, args, expected] of table) {
    test(`0x${cmd.toString(16)} ${JSON.stringify(args)}`, async () => {
      assert.equal(await wire.ask(request(cmd, args)), expected);
      await assertUnchanged();
    });
  }

  test('0x26 counts the characters of a name, not its bytes', async () => {
    assert.match(
      await wire.ask(request(0x26, [longestName])),
      /^\{"cmd": 39, .*"result": 1, "error_code": 2/,
    );
  });

  test('0x26 goes on judging with the old model where there is no such model', async () => {
    wire.send(request(0x26, ['missing.onnx']) + request(1, ['normal-01.jpg']));
    assert.equal((await wire.replies(2))[1], reply(2, item('normal-01.jpg', 1, 0)));
  });

  test('0x30 and 0x34 take back what 0x32 and 0x36 answer', async () => {
    for (const [ask, change] of [
      [0x32, 0x30],
      [0x36, 0x34],
    ] as const) {
      const name = /"file_name": "([^"]*)"/.exec(await wire.ask(request(ask, null)))?.[1] ?? '';
      assert.equal(await wire.ask(request(change, [name])), reply(change + 1, item(name, 2, 0)));
    }
  });

  test('0x24 where there is no model: null, failure, code 2', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'pear-models-'));
    t.after(() => {
      rmSync(folder, { recursive: true });
    });
    const model = join(folder, 'only.onnx');
    copyFileSync('models/pear-starter.onnx', model);
    const own = await startServer(t, '--cluster.workers', '1', '--model.model_path', model);
    await Wire.use(own.port, async (alone) => {
      assert.equal(await alone.ask(request(0x24, null)), reply(0x25, item('only.onnx', 2, 0)));
      unlinkSync(model);
      assert.equal(await alone.ask(request(0x24, null)), reply(0x25, item(null, 1, 2)));
      assert.equal(await alone.ask(request(0x22, null)), reply(0x23, item('only.onnx', 2, 0)));
    });
    assert.equal(await own.stop(), 0);
  });
});

describe('0x40', () => {
  const record = z.strictObject({
    file_name: z.null(),
    result: peerRecordSchema.strict(),
    error_code: z.literal(0),
  });
  const more = z.strictObject({
    file_name: z.null(),
    result: z.strictObject({ cursor: z.string() }),
    error_code: z.literal(0),
  });
  const list = async (query?: Readonly<Record<string, unknown>>) => {
    const { cmd, response_data } = z
      .object({ cmd: z.int(), response_data: z.array(z.union([record, more])) })
      .parse(JSON.parse(await wire.ask(request(0x40, query === undefined ? null : [query]))));
    assert.equal(cmd, 0x41);
    return response_data;
  };
  const portsOf = (items: Awaited<ReturnType<typeof list>>) =>
    items.map(({ result }) => ('port' in result ? result.port : 'more'));

  test('lists every peer, narrowed by all that is asked for', async () => {
    const other = await Wire.open(server.port, '127.0.0.3');
    await other.ask(request(0x32, null));
    const [mine, others] = [wire.socket.localPort, other.socket.localPort];
    assert.deepEqual(new Set(portsOf(await list())), new Set([mine, others]));
    assert.equal((await list({})).length, 2);
    assert.deepEqual(portsOf(await list({ address: '127.0.0.3' })), [others]);
    assert.deepEqual(portsOf(await list({ address: '127.0.0.1', state: 'active' })), [mine]);
    assert.deepEqual(await list({ state: 'draining' }), []);
    assert.deepEqual(await list({ identity: 'somebody' }), []);
    assert.deepEqual(await list({ host: 'elsewhere' }), []);
    assert.deepEqual(await list({ worker: 'elsewhere:1:x' }), []);
    const [first] = await list({ address: '127.0.0.1' });
    assert.ok(first !== undefined && 'port' in first.result);
    const { host, worker } = first.result;
    assert.deepEqual(new Set(portsOf(await list({ host, worker }))), new Set([mine, others]));
    const [one, next] = await list({ limit: 1.0 });
    assert.ok(one !== undefined && next !== undefined && 'cursor' in next.result);
    const rest = await list({ limit: 1, cursor: next.result.cursor });
    assert.deepEqual(new Set(portsOf([one, ...rest])), new Set([mine, others]));
    other.close();
  });
});

test('0x44 tells how the server is doing, its keys in order', async () => {
  const text = await wire.ask(request(0x44, null));
  assert.match(
    text,
    /^\{"cmd": 69, "response_data": \[\{"file_name": null, "result": \{"version": "[^"]+", "model": "pear-starter-int8.onnx", "uptime_s": \d+, "peers": \d+, "queued": \d+, "in_flight": \d+, "images_per_second": [\d.]+, "store": "embedded", "scope": "this host", "unread": \[\], "hosts": \[\{"host": "[^"]+", "workers": \[\{"worker": "[^"]+", "pid": \d+, "state": "serving", "peers": \d+, "queued": \d+, "in_flight": \d+, "requests": \d+, "images": \d+, "errors": \d+, "age_ms": \d+\}\]\}\]\}, "error_code": 0\}\], "request_data": null\}$/,
  );
});

test('0x42 leaves everybody alone whom it does not name', async () => {
  const other = await Wire.open(server.port);
  await wire.ask(request(0x42, ['nobody/1.x.1']));
  assert.equal(await other.ask(request(0x99, null)), refused(3, 'there is no command 153'));
  other.close();
});
