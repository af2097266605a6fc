// The clients that came with the Python server, re-told: what they send, how they read, and what they must get.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import type { LocalServer } from '#src/cli/local-server.js';
import { encodeJson, type JsonValue } from '#src/protocol/json.js';
import { samplesFolder } from '../support/pictures.js';
import { startServer } from '../support/server.js';

const replySchema = z.object({
  cmd: z.int().nullable(),
  response_data: z
    .array(
      z.looseObject({
        file_name: z.string().nullable().optional(),
        result: z.unknown(),
        error_code: z.int(),
        message: z.string().optional(),
      }),
    )
    .min(1),
});

let server: LocalServer;
before(async () => {
  server = await startServer(null, '--cluster.workers', '1');
});
after(async () => {
  assert.equal(await server.stop(), 0);
});

/** A client that sends `json.dumps` text and takes one read of at most 4096 bytes for one reply. */
class PythonClient {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async connect(): Promise<PythonClient> {
    const socket = connect(server.port, '127.0.0.1');
    await once(socket, 'connect');
    return new PythonClient(socket);
  }

  async send(cmd: number, args: JsonValue) {
    // json.dumps separates as the server does.
    this.#socket.write(encodeJson({ cmd, request_data: args }));
    await once(this.#socket, 'readable');
    const bytes: unknown = this.#socket.read();
    assert.ok(Buffer.isBuffer(bytes) && bytes.length <= 4096);
    const { cmd: code, response_data } = replySchema.parse(JSON.parse(bytes.toString('utf8')));
    return { cmd: code, items: response_data };
  }

  close(): void {
    this.#socket.destroy();
  }
}

async function withClient(use: (client: PythonClient) => Promise<void>): Promise<void> {
  const client = await PythonClient.connect();
  try {
    await use(client);
  } finally {
    client.close();
  }
}

describe('the test client', () => {
  test('classifies an image by the folder and its name, or by its name', () =>
    withClient(async (client) => {
      const absolute = join(resolve(samplesFolder), 'normal-01.jpg');
      for (const path of [absolute, 'normal-01.jpg', 'defective-01.jpg']) {
        const { cmd, items } = await client.send(0x01, [path]);
        assert.equal(cmd, 0x02);
        assert.equal(items.length, 1);
        const [item] = items;
        assert.ok(item !== undefined);
        assert.ok(item.file_name?.includes('-01.jpg'));
        assert.ok(item.result === 0 || item.result === 1);
        assert.equal(item.error_code, 0);
      }
    }));

  test('changes to the model by the name of its weights, and asks which one serves', () =>
    withClient(async (client) => {
      const { cmd, items } = await client.send(0x26, ['pear-starter-int8.pt']);
      assert.deepEqual([cmd, items[0]?.result, items[0]?.error_code], [0x27, 2, 0]);
      const current = await client.send(0x22, []);
      assert.deepEqual([current.cmd, current.items[0]?.result, current.items[0]?.error_code], [0x23, 2, 0]);
      const list = await client.send(0x24, []);
      assert.equal(list.cmd, 0x25);
      for (const item of list.items) {
        assert.equal(typeof item.file_name, 'string');
        assert.deepEqual([item.result, item.error_code], [2, 0]);
      }
    }));

  test('is told of an unknown command', () =>
    withClient(async (client) => {
      const { cmd, items } = await client.send(0xff, []);
      assert.equal(cmd, null);
      assert.notEqual(items[0]?.error_code, 0);
      assert.ok((items[0]?.message ?? '').length > 0);
    }));
});

describe('the protocol test', () => {
  test('sends every command in turn on one connection', () =>
    withClient(async (client) => {
      const turn: readonly (readonly [cmd: number, args: JsonValue])[] = [
        [0x01, ['normal-01.jpg']],
        [0x03, null],
        [0x20, ['https://example.org/best.onnx']],
        [0x22, null],
        [0x24, null],
        [0x26, ['pear-starter-int8.onnx']],
        [0x28, ['nowhere.onnx']],
        [0x30, ['models/samples']],
        [0x32, null],
        [0x34, ['models']],
        [0x36, null],
      ];
      for (const [cmd, args] of turn) assert.equal((await client.send(cmd, args)).cmd, cmd + 1);
    }));

  test('asks for the current model 100 times in a row', () =>
    withClient(async (client) => {
      for (let times = 0; times < 100; times++) assert.equal((await client.send(0x22, null)).cmd, 0x23);
    }));

  test('asks on several connections at once', async () => {
    await Promise.all(
      Array.from({ length: 5 }, () =>
        withClient(async (client) => {
          for (const cmd of [0x22, 0x24, 0x32, 0x22, 0x24, 0x32]) {
            const reply = await client.send(cmd, null);
            assert.deepEqual([reply.cmd, reply.items[0]?.error_code], [cmd + 1, 0]);
          }
        }),
      ),
    );
  });

  test('makes mistakes: each is answered with a code, and the connection lives', () =>
    withClient(async (client) => {
      const mistakes: readonly (readonly [cmd: number, args: JsonValue, code: number])[] = [
        [0x99, null, 3],
        [0x01, ['document.txt', 'archive.zip'], 1],
        [0x20, ['not-a-valid-url'], 1],
        [0x20, ['https://example.org/a.onnx', 'https://example.org/b.onnx'], 1],
        [0x26, ['model.txt'], 1],
        [0x30, ['../../../etc'], 2],
        [0x01, [], 1],
      ];
      for (const [cmd, args, code] of mistakes) {
        const { items } = await client.send(cmd, args);
        assert.deepEqual(
          items.map((item) => item.error_code),
          [code],
        );
        assert.equal((await client.send(0x22, null)).items[0]?.error_code, 0);
      }
    }));
});
