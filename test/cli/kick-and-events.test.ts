// `pear kick` and `pear events` against a real server, as people use them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { PearClient } from '#src/client/index.js';
import { storedEventSchema } from '#src/connections/record.js';
import { eventually } from '../support/deadline.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';
import { freePort, LivePear, pear } from './pear.js';
import { Session } from './session.js';

const session = new Session();

describe('pear kick', () => {
  test('disconnects by id, a line each, and exits with 1 where one was not there', async () => {
    const { wire, id } = await session.listed('127.0.2.1');
    const both = await pear('kick', id, 'gone', ...session.connect);
    assert.deepEqual(both, { code: 1, stdout: `${id}  kicked\ngone  not found\n`, stderr: '' });
    await wire.closed();
    const { stdout } = await eventually('the reason is known', async () => {
      const ended = await pear('peers', '--closed', '--address', '127.0.2.1', ...session.admin);
      return ended.stdout.includes(id) ? ended : null;
    });
    assert.match(stdout, /  kicked by \S+  /);
  });

  test('disconnects all from an address but for itself, and says whom', async () => {
    const { wire, id } = await session.listed('127.0.2.2');
    assert.deepEqual(await pear('kick', '--address', '127.0.2.2', ...session.connect), {
      code: 0,
      stdout: `from 127.0.2.2: 1 connection\n${id}  kicked\n`,
      stderr: '',
    });
    await wire.closed();
    const client = await PearClient.connect({ host: '127.0.0.1', port: session.port });
    await client.request(0x36);
    const json = await pear('kick', '--address', '127.0.0.1', '--json', ...session.connect);
    assert.equal(json.code, 0, 'its own connection answered to the end');
    assert.deepEqual(
      z
        .array(z.object({ id: z.string(), outcome: z.string() }))
        .parse(JSON.parse(json.stdout))
        .map(({ outcome }) => outcome),
      ['kicked'],
    );
    await client.close();
    assert.deepEqual(await pear('kick', '--address', '127.0.2.2', ...session.connect), {
      code: 1,
      stdout: 'from 127.0.2.2: 0 connections\n',
      stderr: '',
    });
  });
});

describe('pear events', () => {
  test('prints the last ones as lines or as JSON', async () => {
    const { wire, id } = await session.listed('127.0.3.1');
    const stdout = await eventually('it is told', async () => {
      const ended = await pear('events', '--tail', '5', ...session.admin);
      return new RegExp(`opened +${id}  127\\.0\\.3\\.1:`).test(ended.stdout) ? ended.stdout : null;
    });
    assert.match(stdout, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}opened /m);
    const json = await pear('events', '--json', '--tail', '1', ...session.admin);
    assert.equal(json.stdout.trim().split('\n').length, 1);
    storedEventSchema.parse(JSON.parse(json.stdout));
    wire.close();
  });

  test('--follow goes on with what happens, also after the server has restarted', async (t) => {
    const [port, adminPort] = [await freePort(), await freePort()];
    const fixed = ['--server.port', `${port}`, '--admin.port', `${adminPort}`, '--cluster.host_id', 'line-7'];
    const start = () => startServer(t, ...fixed, '--cluster.workers', '1');
    const old = await start();
    const live = LivePear.start(t, 'events', '--follow', '--admin', `${adminPort}`);
    await live.has('worker up ');
    const wire = await Wire.open(port, '127.0.3.2');
    await live.has('127.0.3.2');
    wire.close();
    await old.stop();
    await eventually('it says so', () => (live.stderr.includes('connecting again') ? true : null));
    await start();
    await Wire.use(port, (next) => next.ask('{"cmd": 0x36, "request_data": null}'));
    await live.has(/127\.0\.3\.2[^]*line-7\/1\.[^]*127\.0\.0\.1:\d+ +client/);
    assert.equal(live.stderr, 'the stream of events ended; connecting again\nconnected again\n');
    await live.stop('SIGINT');
  });

  test('ends quietly when whoever reads it has seen enough', async () => {
    const command = `${process.execPath} dist/cli/pear.js events --json ${session.admin.join(' ')} | head -n 1`;
    const live = new LivePear('/bin/sh', ['-c', command]);
    assert.equal(await live.exited, 0);
    assert.deepEqual([live.stdout.split('\n').length, live.stderr], [2, '']);
  });
});
