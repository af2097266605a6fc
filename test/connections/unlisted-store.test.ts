// A server that keeps no view of its connections says so, and tells all the same how its workers are doing.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { PearClient } from '#src/client/index.js';
import type { LocalServer } from '#src/cli/local-server.js';
import { NotPermittedError } from '#src/errors.js';
import { eventually } from '../support/deadline.js';
import { startServer } from '../support/server.js';

describe('connections.store: none', () => {
  let server: LocalServer;
  let client: PearClient;
  before(async () => {
    server = await startServer(
      null,
      ...['--cluster.workers', '2', '--connections.store', 'none'],
      ...['--connections.heartbeat_interval_ms', '100'],
    );
    client = await PearClient.connect({ host: '127.0.0.1', port: server.port });
  });
  after(async () => {
    await client.close();
    assert.equal(await server.stop(), 0);
  });

  it('refuses a list instead of giving an empty one', async () => {
    await assert.rejects(client.request(0x40), (error: unknown) => {
      assert.ok(error instanceof NotPermittedError);
      assert.match(error.message, /keeps no view of connections \(connections\.store is none\)/);
      return true;
    });
  });

  it('tells the status of all workers, how many connections they have among it', async () => {
    const status = await eventually('the connection is counted', async () => {
      const [item] = await client.request(0x44);
      return JSON.stringify(item?.['result']).includes('"peers":1,') ? item?.['result'] : null;
    });
    assert.match(JSON.stringify(status), /"store":"none"/);
    assert.equal([...JSON.stringify(status).matchAll(/"state":"serving"/g)].length, 2);
  });

  it('says so over HTTP too, where metrics go on', async () => {
    const { msg } = await server.line((line) => line.msg.startsWith('health and metrics'));
    const origin = /http:\S+/.exec(msg)?.[0] ?? '';
    const list = await fetch(`${origin}/api/connections`);
    assert.equal(list.status, 403);
    assert.match(await list.text(), /keeps no view/);
    assert.match(await (await fetch(`${origin}/metrics`)).text(), /^pear_peers\{/m);
  });

  it('says so in the log', async () => {
    await server.line((line) => line.msg.startsWith('No view of connections is kept'));
  });
});
