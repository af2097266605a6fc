// The fields that every request shares and the form of every reply, over real sockets.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LocalServer } from '#src/cli/local-server.js';
import { folder, item, refused, reply, request } from '../support/replies.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';

const noCommand = refused(1, 'cmd must be an integer');
const noArray = refused(1, 'request_data must be an array or null');
const noDetail = refused(1, 'detail must be true or false');
const noId = refused(
  1,
  'request_id must be a string of at most 128 characters or an integer from -(2^53-1) to 2^53-1',
);
const noJson = refused(1, 'the request is not valid JSON');
/** `text` with a request_id, as JSON, behind everything else. */
const withId = (text: string, id: string) => text.replace(/\}$/, `, "request_id": ${id}}`);

let server: LocalServer;
let wire: Wire;
before(async () => {
  server = await startServer(null, '--cluster.workers', '1');
  wire = await Wire.open(server.port);
});
after(async () => {
  wire.close();
  assert.equal(await server.stop(), 0);
});

/** A table of requests on one connection, which thus lives through all of them. */
function answered(table: readonly (readonly [text: string, expected: string])[]): void {
  for (const [text, expected] of table) {
    test(`${text.slice(0, 90)} is answered ${expected.slice(0, 60)}`, async () => {
      assert.equal(await wire.ask(text), expected);
    });
  }
}

describe('cmd', () => {
  answered([
    ['{"cmd": 50, "request_data": null}', folder],
    ['{"cmd": 0x32, "request_data": null}', folder],
    ['{"cmd": 0x00032, "request_data": null}', folder],
    ['{"cmd" : 0x32 , "request_data" : [ ] }', folder],
    ['{"cmd": 50.0, "request_data": null}', folder],
    ['{"cmd": 5e1, "request_data": null}', folder],
    ['{"request_data": [], "cmd": 0x32}', folder],
    ['{"cmd": -0x1, "request_data": null}', refused(3, 'there is no command -1')],
    ['{"cmd": 0x0, "request_data": null}', refused(3, 'there is no command 0')],
    ['{"cmd": 0X32, "request_data": null}', noJson],
    ['{"cmd": 0x, "request_data": null}', noJson],
    ['{"cmd": "0x32", "request_data": null}', noCommand],
    ['{"cmd": "50", "request_data": null}', noCommand],
    ['{"cmd": 50.5, "request_data": null}', noCommand],
    ['{"cmd": null, "request_data": null}', noCommand],
    ['{"cmd": true, "request_data": null}', noCommand],
    ['{"cmd": [50], "request_data": null}', noCommand],
    ['{"cmd": 1e999, "request_data": null}', noCommand],
    ['{"CMD": 50, "request_data": null}', noCommand],
    ['{"request_data": null}', noCommand],
    ['{}', noCommand],
  ]);

  test('that nobody knows has code 3, whatever its arguments', async () => {
    for (const cmd of [0, 2, 4, 5, 0x11, 0x21, 0x23, 0x38, 0x45, 0x99, 0xff, 256, -1, 2 ** 53 - 1]) {
      for (const args of [null, [], ['x'], [{ bytes: 5 }]]) {
        assert.equal(await wire.ask(request(cmd, args)), refused(3, `there is no command ${cmd}`));
      }
    }
  });
});

describe('request_data', () => {
  answered([
    ['{"cmd": 0x32, "request_data": []}', folder],
    ['{"cmd": 0x32}', noArray],
    ['{"cmd": 0x32, "request_data": {}}', noArray],
    ['{"cmd": 0x32, "request_data": "x"}', noArray],
    ['{"cmd": 0x32, "request_data": 0}', noArray],
    ['{"cmd": 0x32, "request_data": false}', noArray],
    ['{"cmd": 1, "request_data": "normal-01.jpg"}', noArray],
  ]);

  test('may hold names that look like hexadecimal integers', async () => {
    assert.equal(
      await wire.ask('{"cmd": 0x01, "request_data": ["0x12.jpg", "a 0x1f, 0x2.png"]}'),
      reply(2, item('0x12.jpg', null, 2), item('a 0x1f, 0x2.png', null, 2)),
    );
  });
});

describe('fields', () => {
  answered([
    ['{"cmd": 0x32, "request_data": null, "extra": {"cmd": 1}, "": [], "response_data": 1}', folder],
    ['{"cmd": 1, "cmd": 0x32, "request_data": 5, "request_data": null}', folder],
    ['{"cmd": 0x32, "cmd": "x", "request_data": null}', noCommand],
    [
      '{"cmd": 0x32, "request_data": null, "request_id": 1.5, "request_id": "last"}',
      withId(folder, '"last"'),
    ],
    ['{"cmd": 0x32, "request_data": null, "__proto__": {"cmd": 1}, "constructor": 1}', folder],
  ]);
});

describe('request_id', () => {
  const pear = '\u{1f350}';
  const accepted: readonly (readonly [sent: string, echoed: string])[] = [
    ['"a-1"', '"a-1"'],
    ['""', '""'],
    ['"0x12"', '"0x12"'],
    ['"\ubc30"', '"\\ubc30"'],
    ['"a\\"b\\\\c\\n"', '"a\\"b\\\\c\\n"'],
    [`"${'x'.repeat(128)}"`, `"${'x'.repeat(128)}"`],
    [`"${pear.repeat(128)}"`, `"${'\\ud83c\\udf50'.repeat(128)}"`],
    ['0', '0'],
    ['7', '7'],
    ['-7', '-7'],
    ['1.0', '1'],
    ['1e3', '1000'],
    ['0x10', '16'],
    ['-0x10', '-16'],
    ['9007199254740991', '9007199254740991'],
    ['-9007199254740991', '-9007199254740991'],
  ];
  for (const [sent, echoed] of accepted) {
    test(`${sent.slice(0, 40)} comes back as the last key, in refusals too`, async () => {
      const ask = (cmd: string, args: string, more = '') =>
        wire.ask(`{"request_id": ${sent}, "cmd": ${cmd}, "request_data": ${args}${more}}`);
      assert.equal(await ask('0x32', 'null'), withId(folder, echoed));
      assert.equal(await ask('1', '["x.jpg"]'), withId(reply(2, item('x.jpg', null, 2)), echoed));
      assert.equal(await ask('3', 'null'), withId(reply(4, '{"result": 2, "error_code": 0}'), echoed));
      assert.equal(await ask('99', 'null'), withId(refused(3, 'there is no command 99'), echoed));
      assert.equal(await ask('"x"', 'null'), withId(noCommand, echoed));
      assert.equal(await ask('50', '5'), withId(noArray, echoed));
      assert.equal(await ask('50', 'null', ', "detail": 1'), withId(noDetail, echoed));
      const wrong = refused(1, 'current image folder: request_data must be empty or null');
      assert.equal(await ask('50', '[1]'), withId(wrong, echoed));
    });
  }

  for (const sent of [
    'null',
    '1.5',
    'true',
    '[]',
    '{}',
    '1e999',
    '9007199254740992',
    '-9007199254740992',
    `"${'x'.repeat(129)}"`,
    `"${pear.repeat(129)}"`,
    `"${'x'.repeat(1_000)}"`,
  ]) {
    test(`${sent.slice(0, 40)} is refused and does not come back`, async () => {
      assert.equal(await wire.ask(`{"cmd": 0x32, "request_data": null, "request_id": ${sent}}`), noId);
      const images = await wire.ask(`{"cmd": 1, "request_data": ["normal-01.jpg"], "request_id": ${sent}}`);
      assert.equal(images, noId);
    });
  }
});

describe('detail', () => {
  const plain: readonly (readonly [cmd: number, args: unknown])[] = [
    [0x03, null],
    [0x10, ['token']],
    [0x20, ['https://example.org/a.onnx']],
    [0x22, null],
    [0x24, null],
    [0x26, ['missing.onnx']],
    [0x28, ['missing.onnx']],
    [0x30, ['missing']],
    [0x32, null],
    [0x34, ['missing']],
    [0x36, null],
  ];
  test('of a wrong type has code 1 with any command, and is ignored by all but 0x01 where it is right', async () => {
    for (const [cmd, args] of plain) {
      const short = await wire.ask(request(cmd, args));
      for (const detail of [true, false])
        assert.equal(await wire.ask(request(cmd, args, { detail })), short, String(cmd));
    }
    for (const [cmd, args] of [...plain, [1, ['normal-01.jpg']], [0x40, null], [0x44, null], [0x99, null]]) {
      for (const detail of [1, 0, 'true', null, [], {}])
        assert.equal(await wire.ask(request(Number(cmd), args, { detail })), noDetail, String(cmd));
    }
  });
});

describe('replies', () => {
  test('are printable ASCII, whatever the names', async () => {
    const text = await wire.ask(request(1, ['\ubc30 \u007f\u00e9\u{1f350}\u2028"\\\t.jpg']));
    assert.equal(
      text,
      '{"cmd": 2, "response_data": [{"file_name": "\\ubc30 \\u007f\\u00e9\\ud83c\\udf50\\u2028\\"\\\\\\t.jpg", "result": null, "error_code": 2}], "request_data": null}',
    );
    assert.match(text, /^[\x20-\x7e]+$/);
  });

  for (const terminator of ['', '\r\n']) {
    test(`end with ${JSON.stringify(terminator)} where that is configured`, async (t) => {
      const own = await startServer(t, '--cluster.workers', '1', '--server.reply_terminator', terminator);
      const received = await Wire.conversation(own.port, `${request(0x32, null)}\n${request(0x99, null)}{x}`);
      assert.equal(received, [folder, refused(3, 'there is no command 153'), noJson, ''].join(terminator));
      assert.equal(await own.stop(), 0);
    });
  }
});
