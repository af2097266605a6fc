// What a client of the Python server sends and gets, byte for byte, against the real program.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LocalServer } from '#src/cli/local-server.js';
import { sample } from '../support/pictures.js';
import { Wire } from '../support/wire.js';
import { startServer } from '../support/server.js';

let server: LocalServer;
before(async () => {
  server = await startServer(
    null,
    '--cluster.workers',
    '1',
    '--limits.max_peers',
    '20',
    '--limits.max_message_bytes',
    '2000000',
  );
});
after(async () => {
  assert.equal(await server.stop(), 0);
});

/** Opens a connection for the length of `use`. */
async function withWire(use: (wire: Wire) => Promise<void>): Promise<void> {
  const wire = await Wire.open(server.port);
  try {
    await use(wire);
  } finally {
    wire.close();
  }
}

const item = (fileName: string | null, result: number | null, code: number) =>
  `{"file_name": ${JSON.stringify(fileName)}, "result": ${result}, "error_code": ${code}}`;
const reply = (cmd: number, ...items: string[]) =>
  `{"cmd": ${cmd}, "response_data": [${items.join(', ')}], "request_data": null}`;
const refused = (code: number, message: string, tail = '') =>
  `{"cmd": null, "response_data": [{"file_name": null, "result": null, "error_code": ${code}, "message": "${message}"}], "request_data": null${tail}}`;

describe('the wire', () => {
  const commands: readonly (readonly [request: string, reply: string])[] = [
    [
      '{"cmd": 0x01, "request_data": ["normal-01.jpg", "defective-01.jpg", "empty-01.jpg", "missing.jpg", "../samples/normal-01.jpg", "../../package.jpg"]}',
      reply(
        2,
        item('normal-01.jpg', 1, 0),
        item('defective-01.jpg', 0, 0),
        item('empty-01.jpg', -1, 0),
        item('missing.jpg', null, 2),
        item('../samples/normal-01.jpg', 1, 0),
        item('../../package.jpg', null, 2),
      ),
    ],
    ['{"cmd": 0x03, "request_data": null}', reply(4, '{"result": 2, "error_code": 0}')],
    ['{"cmd": 0x22, "request_data": []}', reply(0x23, item('pear-starter-int8.onnx', 2, 0))],
    ['{"cmd": 34, "request_data": null}', reply(0x23, item('pear-starter-int8.onnx', 2, 0))],
    [
      '{"cmd": 0x24, "request_data": null}',
      reply(0x25, item('pear-starter-int8.onnx', 2, 0), item('pear-starter.onnx', 2, 0)),
    ],
    ['{"cmd": 0x32, "request_data": null}', reply(0x33, item('models/samples', 2, 0))],
    ['{"cmd": 0x36, "request_data": null}', reply(0x37, item('models', 2, 0))],
    ['{"cmd": 0x99, "request_data": null}', refused(3, 'there is no command 153')],
    ['{"request_data": null}', refused(1, 'cmd must be an integer')],
    ['{"cmd": 1}', refused(1, 'request_data must be an array or null')],
    [
      '{"cmd": "x", "request_data": [], "request_id": "a-1"}',
      refused(1, 'cmd must be an integer', ', "request_id": "a-1"'),
    ],
    ['{"cmd": 0x22, "request_data": [1]}', refused(1, 'current model: request_data must be empty or null')],
    ['{nonsense}', refused(1, 'the request is not valid JSON')],
    ['hello\n', refused(1, 'a request must start with {')],
  ];
  for (const [request, expected] of commands) {
    test(`answers ${request.trim().slice(0, 60)}`, () =>
      withWire(async (wire) => {
        assert.equal(await wire.ask(request), expected);
      }));
  }

  test('does not mind how requests are cut into segments', () =>
    withWire(async (wire) => {
      for (const character of '{"cmd": 0x32, "request_data": null} {"cmd": 0x36, "request_data": null}')
        wire.send(character);
      assert.deepEqual(await wire.replies(2), [
        reply(0x33, item('models/samples', 2, 0)),
        reply(0x37, item('models', 2, 0)),
      ]);
      wire.send('{"cmd": 0x32, "request_data": null}'.repeat(100));
      assert.equal(new Set(await wire.replies(100)).size, 1);
    }));

  test('goes on after garbage and after a request that is no JSON', () =>
    withWire(async (wire) => {
      wire.send('GET / HTTP/1.1\r\n\r\n{x}{"cmd": 0x36, "request_data": null}');
      assert.deepEqual(await wire.replies(3), [
        refused(1, 'a request must start with {'),
        refused(1, 'the request is not valid JSON'),
        reply(0x37, item('models', 2, 0)),
      ]);
    }));

  test('gives a client that closes its sending side every reply, then closes', () =>
    withWire(async (wire) => {
      wire.send(
        '{"cmd": 0x01, "request_data": ["normal-01.jpg"]}{"cmd": 0x32, "request_data": null}{"cmd": 0x3',
      );
      wire.finish();
      await wire.closed();
      assert.equal(
        wire.received,
        [
          reply(2, item('normal-01.jpg', 1, 0)),
          reply(0x33, item('models/samples', 2, 0)),
          refused(1, 'the request ended before it was whole'),
          '',
        ].join('\n'),
      );
    }));

  test('closes after a request over the limit, with an answer', () =>
    withWire(async (wire) => {
      wire.send(`{"cmd": 1, "request_data": ["${'x'.repeat(2_000_000)}`);
      await wire.closed();
      assert.equal(wire.received, `${refused(1, 'the request is longer than 2000000 bytes')}\n`);
    }));

  test('turns a connection over the limit away with one reply', async () => {
    const wires: Wire[] = [];
    try {
      while (wires.length < 20) {
        const wire = await Wire.open(server.port);
        wires.push(wire);
        await wire.ask('{"cmd": 0x32, "request_data": null}');
      }
      const late = await Wire.open(server.port);
      await late.closed();
      assert.equal(late.received, `${refused(6, 'too many connections; try again later')}\n`);
    } finally {
      for (const wire of wires) {
        wire.finish();
        await wire.closed();
        wire.close();
      }
    }
  });
});

describe('images', () => {
  test('come attached behind the message, whatever the segmentation', async () => {
    const [normal, defective] = [await sample('normal-01.jpg'), await sample('defective-01.jpg')];
    const head = JSON.stringify({
      cmd: 1,
      request_data: [
        { file_name: 'a', bytes: normal.length },
        'normal-02.jpg',
        { file_name: '배', bytes: defective.length },
      ],
    });
    const stream = Buffer.concat([
      Buffer.from(head),
      normal,
      defective,
      Buffer.from('{"cmd": 0x36, "request_data": null}'),
    ]);
    const expected = [
      `{"cmd": 2, "response_data": [${item('a', 1, 0)}, ${item('normal-02.jpg', 1, 0)}, {"file_name": "\\ubc30", "result": 0, "error_code": 0}], "request_data": null}`,
      reply(0x37, item('models', 2, 0)),
    ];
    for (const size of [stream.length, 1_000]) {
      await withWire(async (wire) => {
        for (let at = 0; at < stream.length; at += size) wire.send(stream.subarray(at, at + size));
        assert.deepEqual(await wire.replies(2), expected);
      });
    }
  });

  test('come inside the message as base64, and what is no base64 or no image has code 8', async () => {
    const normal = await sample('normal-01.jpg');
    await withWire(async (wire) => {
      const images = [
        { file_name: 'a', data: normal.toString('base64') },
        { file_name: 'b', data: '!!!!' },
        { file_name: 'c', data: '' },
        { file_name: 'd', data: Buffer.from('text').toString('base64') },
      ];
      assert.equal(
        await wire.ask(JSON.stringify({ cmd: 1, request_data: images })),
        reply(2, item('a', 1, 0), item('b', null, 8), item('c', null, 8), item('d', null, 8)),
      );
    });
  });

  const wrong: readonly (readonly [what: string, element: unknown, bytes: number])[] = [
    ['a name with another ending', 'a.gif', 0],
    ['a number', 7, 0],
    ['an object without a label', { bytes: 4 }, 4],
    ['both data and bytes', { file_name: 'a', data: '', bytes: 4 }, 4],
    ['an empty label', { file_name: '', bytes: 4 }, 4],
    ['neither data nor bytes', { file_name: 'a' }, 0],
  ];
  for (const [what, element, bytes] of wrong) {
    test(`${what} refuses the whole request; its bytes are skipped and the connection lives`, () =>
      withWire(async (wire) => {
        wire.send(JSON.stringify({ cmd: 1, request_data: ['normal-01.jpg', element] }));
        wire.send(`${'{'.repeat(bytes)}{"cmd": 0x36, "request_data": null}`);
        const [first = '', second] = await wire.replies(2);
        assert.match(
          first,
          /"error_code": 1, "message": "classification: request_data must be 1 to 1000 images/,
        );
        assert.equal(second, reply(0x37, item('models', 2, 0)));
      }));
  }

  test('with a wrong number of bytes close the connection after the answer', () =>
    withWire(async (wire) => {
      wire.send('{"cmd": 1, "request_data": [{"file_name": "a", "bytes": 0}]}');
      await wire.closed();
      assert.match(
        wire.received,
        /"error_code": 1, "message": "classification: bytes must be a whole number from 1 to/,
      );
    }));

  test('that break off in the middle are one error for their request', () =>
    withWire(async (wire) => {
      wire.send('{"cmd": 1, "request_data": ["normal-01.jpg", {"file_name": "a", "bytes": 500}]}abc');
      wire.finish();
      await wire.closed();
      assert.equal(wire.received, `${refused(1, 'the request ended before it was whole')}\n`);
    }));

  test('are described at length on request', () =>
    withWire(async (wire) => {
      const text = await wire.ask(
        '{"cmd": 1, "request_data": ["normal-01.jpg", "empty-01.jpg", "x.jpg"], "detail": true}',
      );
      assert.match(
        text,
        /^\{"cmd": 2, "response_data": \[\{"file_name": "normal-01.jpg", "result": 1, "error_code": 0, "label": "normal_pear", "confidence": 0\.\d+, "bbox": \[[\d.]+, [\d.]+, [\d.]+, [\d.]+\], "detections": \[\{"label": "normal_pear", "confidence": 0\.\d+, "bbox": \[[^\]]+\]\}\], "model": \{"name": "pear-starter-int8.onnx", "sha256": "[0-9a-f]{64}"\}, "timing_ms": \{"queue": [\d.]+, "decode": [\d.]+, "inference": [\d.]+, "total": [\d.]+\}\}/,
      );
      assert.match(
        text,
        /"empty-01.jpg", "result": -1, "error_code": 0, "label": null, "confidence": null, "bbox": null, "detections": \[\], "model": \{/,
      );
      assert.match(
        text,
        /"x.jpg", "result": null, "error_code": 2, "label": null, "confidence": null, "bbox": null, "detections": \[\], "model": null, "timing_ms": null\}/,
      );
    }));
});

describe('refused images', () => {
  const head = '{"cmd": 1, "request_data": [{"bytes": 5}], "request_id": "r1"}';

  test('whose bytes come in a later segment leave a connection that may be silent for long', async (t) => {
    const impatient = await startServer(t, '--cluster.workers', '1', '--limits.message_timeout_ms', '300');
    const wire = await Wire.open(impatient.port);
    assert.match(await wire.ask(head), /"error_code": 1,.*"request_id": "r1"/);
    wire.send('xxxxx');
    // Another connection lives through the time in which this one could be cut.
    const other = await Wire.open(impatient.port);
    other.send('{"cmd"');
    await other.closed();
    assert.match(await wire.ask('{"cmd": 0x36, "request_data": null}'), /"models"/);
    assert.equal(wire.received, '');
    for (const each of [wire, other]) each.close();
    assert.equal(await impatient.stop(), 0);
  });

  test('that break off have one reply, not two', () =>
    withWire(async (wire) => {
      wire.send(`${head}xx`);
      wire.finish();
      await wire.closed();
      assert.equal(wire.received.trim().split('\n').length, 1);
    }));
});

describe('an attached image', () => {
  test('has no more time than its message had left', async (t) => {
    const impatient = await startServer(t, '--cluster.workers', '1', '--limits.message_timeout_ms', '600');
    const wire = await Wire.open(impatient.port);
    const started = performance.now();
    wire.send('{"cmd": 1, ');
    const other = await Wire.open(impatient.port);
    await other.ask('{"cmd": 0x36, "request_data": null}');
    wire.send('"request_data": [{"file_name": "a", "bytes": 5}]}x');
    await wire.closed();
    assert.match(wire.received, /not finished within 600 ms/);
    assert.ok(performance.now() - started < 1_100, 'one time, not two');
    for (const each of [wire, other]) each.close();
    assert.equal(await impatient.stop(), 0);
  });
});

describe('a client that closes its sending side and reads slowly', () => {
  test('gets every reply all the same', async (t) => {
    const own = await startServer(
      t,
      '--cluster.workers',
      '1',
      '--limits.max_batch',
      '50000',
      '--limits.max_queued_images',
      '50000',
      '--limits.max_queued_images_total',
      '50000',
    );
    const wire = await Wire.open(own.port);
    wire.socket.pause();
    const names = Array(50_000).fill('missing.jpg');
    wire.send(JSON.stringify({ cmd: 1, request_data: names, request_id: 'first' }));
    wire.send('{"cmd": 0x36, "request_data": null}');
    wire.finish();
    // Longer than the server waits for us to close once it has sent everything.
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    wire.socket.resume();
    await wire.closed();
    assert.match(wire.received, /"request_id": "first"\}\n\{"cmd": 55,.*\}\n$/);
    wire.close();
    assert.equal(await own.stop(), 0);
  });
});

describe('one connection', () => {
  const currentFolder = '{"cmd": 0x32, "request_data": null}';

  test('that keeps the worker judging does not keep others from being answered', async () => {
    const busy = await Wire.open(server.port);
    busy.send(JSON.stringify({ cmd: 1, request_data: Array(200).fill('normal-01.jpg') }));
    await withWire(async (wire) => {
      for (let asked = 0; asked < 20; asked++) assert.match(await wire.ask(currentFolder), /models\/samples/);
      assert.equal(busy.received, '', 'answered while the images are being judged');
    });
    assert.match(await busy.reply(), /"result": 1/);
    busy.close();
  });

  test('that floods the worker with bad requests takes turns with the others', async () => {
    const count = 150_000;
    const flooding = await Wire.open(server.port);
    flooding.send('{}'.repeat(count));
    await withWire(async (wire) => {
      assert.match(await wire.ask(currentFolder), /models\/samples/);
      assert.ok(flooding.received.split('\n').length < count, 'before the flood was answered');
    });
    flooding.close();
  });

  test('that sends brackets without end is refused for their depth', () =>
    withWire(async (wire) => {
      assert.equal(
        await wire.ask(`{"cmd": 1, "request_data": ${'['.repeat(100)}${']'.repeat(100)}}`),
        refused(1, 'the request is nested too deeply'),
      );
    }));
});

describe('0x03', () => {
  test('stops what is not started, answers every request in order, and itself at once', () =>
    withWire(async (wire) => {
      const many = JSON.stringify({
        cmd: 1,
        request_data: Array(300).fill('normal-01.jpg'),
        request_id: 'many',
      });
      wire.send(`${many}{"cmd": 1, "request_data": ["defective-01.jpg"]}{"cmd": 0x03, "request_data": null}`);
      wire.send('{"cmd": 1, "request_data": ["defective-01.jpg"]}');
      const [first = '', second, third, fourth] = await wire.replies(4);
      const codes = [...first.matchAll(/"error_code": (\d)/g)].map(([, code]) => code);
      assert.equal(codes.length, 300);
      assert.ok(codes.filter((code) => code === '0').length <= 3, 'only what was running is judged');
      assert.equal(
        codes.filter((code) => code === '7').length,
        300 - codes.filter((code) => code === '0').length,
      );
      assert.match(first, /"request_id": "many"\}$/);
      assert.equal(second, reply(2, item('defective-01.jpg', null, 7)));
      assert.equal(third, reply(4, '{"result": 2, "error_code": 0}'));
      assert.equal(fourth, reply(2, item('defective-01.jpg', 0, 0)));
    }));
});

describe('a server with little patience', () => {
  test('answers late images with code 4 and closes on a request that is not finished', async (t) => {
    const strict = await startServer(
      t,
      '--cluster.workers',
      '1',
      '--limits.request_timeout_ms',
      '150',
      '--limits.message_timeout_ms',
      '200',
    );
    const wire = await Wire.open(strict.port);
    try {
      const text = await wire.ask(JSON.stringify({ cmd: 1, request_data: Array(500).fill('normal-01.jpg') }));
      const codes = [...text.matchAll(/"error_code": (\d)/g)].map(([, code]) => code);
      assert.equal(codes.length, 500);
      assert.ok(codes.filter((code) => code === '4').length > 300);
      wire.send('{"cmd": 0x32,');
      await wire.closed();
      assert.equal(wire.received, `${refused(1, 'the request was not finished within 200 ms')}\n`);
    } finally {
      wire.close();
      await strict.stop();
    }
  });
});
