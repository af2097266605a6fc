// Whom `pear kick --address` spares: itself and nobody else.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pear } from './pear.js';
import { peer, scriptedServer, status } from './scripted.js';

describe('pear kick --address', () => {
  test('spares nobody who only has its port, as behind a balancer', async (t) => {
    const { port } = await scriptedServer(t, ({ cmd, request_data }, { remotePort }) => {
      if (cmd === 0x40) return [{ result: peer('a', { port: remotePort ?? 0 }) }];
      if (cmd === 0x44) return [{ result: status({ 'line-7': 1 }) }];
      return request_data.map((id) => ({ file_name: id, result: 2 }));
    });
    assert.deepEqual(await pear('kick', '--address', '10.0.0.7', '--connect', `${port}`), {
      code: 0,
      stdout: 'from 10.0.0.7: 1 connection\na  kicked\n',
      stderr: '',
    });
  });

  test('says where it could not see all, and exits with 1', async (t) => {
    const { port } = await scriptedServer(t, ({ cmd, request_data }) => {
      if (cmd === 0x40) return [{ result: peer('a') }, { result: { unread: ['line-8:1:b'] } }];
      if (cmd === 0x44) return [{ result: { ...status({ 'line-7': 1 }), scope: 'this host' } }];
      return request_data.map((id) => ({ file_name: id, result: 2 }));
    });
    assert.deepEqual(await pear('kick', '--address', '10.0.0.7', '--connect', `${port}`), {
      code: 1,
      stdout: 'from 10.0.0.7: 1 connection\na  kicked\n',
      stderr:
        'the connections of line-8:1:b cannot be read now: they are missing here, or old\n' +
        'Redis is away: this is the host that was asked, the others are missing here\n',
    });
  });
});
