// What PearClient does with a server that accepts connections and says nothing.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PearClient } from '#src/client/index.js';
import { ConnectionLostError } from '#src/errors.js';
import { oddServer } from '../cli/odd-server.js';

describe('a server that hangs', () => {
  test('is given up after the time that the client gives it', async (t) => {
    const { port } = await oddServer(t);
    const client = await PearClient.connect({ host: '127.0.0.1', port, answerTimeoutMs: 100 });
    await assert.rejects(client.request(0x44), (error) => {
      assert.ok(error instanceof ConnectionLostError);
      assert.equal(error.message, 'the server does not answer within 0.1 s');
      return true;
    });
    await assert.rejects(client.request(0x44), ConnectionLostError);
    await client.close();
  });

  test('does not hold up whoever closes', async (t) => {
    const { port } = await oddServer(t, (socket) => {
      socket.write('{"cmd": 68, "response_data": []}');
    });
    const client = await PearClient.connect({ host: '127.0.0.1', port, answerTimeoutMs: 100 });
    await client.request(0x44);
    await client.close();
  });

  test('is left at once when the client is told so', async (t) => {
    const { port } = await oddServer(t);
    const end = new AbortController();
    const client = await PearClient.connect({ host: '127.0.0.1', port, signal: end.signal });
    const asked = client.request(0x44);
    end.abort();
    await assert.rejects(asked, ConnectionLostError);
  });
});
